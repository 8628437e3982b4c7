/** How many random histories a law is held against: SIMULATION_RUNS, or as many as a test takes by itself. */

export const runs = (usual: number): { readonly numRuns: number } => ({
  numRuns: Number(process.env['SIMULATION_RUNS'] ?? usual),
});
