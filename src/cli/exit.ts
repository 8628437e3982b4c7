/** How commands end. The codes are promised in docs/cli.md. */

export const EXIT = {
  ok: 0,
  /** The cluster or a file said no; a request was refused; or, of `wait`: a rollout failed or timed out, or a proof did. */
  failed: 1,
  /** It was asked for something that can't be. */
  usage: 2,
  /** `wait`: nothing will happen until somebody acts. */
  held: 3,
  /** `plan`: files of running pods are refreshed, nothing restarts. */
  hot: 10,
  /** `plan`: something restarts, or would if nothing held it. */
  restart: 20,
  /** `plan`: content is not what a validation demands. */
  invalid: 30,
  /** `wait`: as timeout(1). */
  timeout: 124,
} as const;

/** Ends the command with one sentence, which says what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: number;

  constructor(message: string, code: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const usage = (message: string): Failure => new Failure(message, EXIT.usage);
