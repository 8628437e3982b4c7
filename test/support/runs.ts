/**
 * How many random histories a law is held against, and which: the same ones each time, unless SIMULATION_RUNS asks for
 * more, or SIMULATION_SEED for others.
 */

interface Runs {
  readonly numRuns: number;
  readonly seed: number;
}

export const runs = (usual: number): Runs => ({
  numRuns: Number(process.env['SIMULATION_RUNS'] ?? usual),
  seed: Number(process.env['SIMULATION_SEED'] ?? 6),
});
