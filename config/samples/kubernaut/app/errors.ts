/** What somebody else has to put right: said in one sentence, without a stack. */
export class UserError extends Error {}

export const firstLine = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1)[0] ?? '';
