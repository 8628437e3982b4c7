/** Variables that come from a file, among those that the process has of its own. */

export interface Environment {
  /**
   * Adds, changes and removes, so that of the variables of the file exactly these are there. One that the process had of
   * its own comes back when the file has it no more; one that the process has set since is its own.
   *
   * @returns undoes it
   */
  readonly take: (next: ReadonlyMap<string, string>) => () => void;
}

interface Held {
  readonly value: string;
  /** What the process had of its own. */
  readonly own: string | undefined;
}

export function createEnvironment(env: NodeJS.ProcessEnv): Environment {
  let held: ReadonlyMap<string, Held> = new Map();

  const take = (next: ReadonlyMap<string, string>): (() => void) => {
    const before = held;
    for (const [name, { value, own }] of before) if (!next.has(name) && env[name] === value) put(env, name, own);
    held = new Map(
      [...next].map(([name, value]) => {
        const mine = before.get(name);
        const own = mine !== undefined && env[name] === mine.value ? mine.own : env[name];
        put(env, name, value);
        return [name, { value, own }];
      }),
    );
    return () => {
      take(new Map([...before].map(([name, { value }]) => [name, value])));
    };
  };
  return { take };
}

function put(env: NodeJS.ProcessEnv, name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(env, name);
  else if (env[name] !== value) env[name] = value;
}
