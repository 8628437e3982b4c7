import { parseArgs } from 'node:util';

export const SECTIONS = {
  a: 'ConfigMap write to file in every container: 3 pods, 80 pods, and without the operator',
  b: 'ConfigMap write to template change, one edit at a time over 100 workloads with one ConfigMap each',
  c: 'one ConfigMap shared by 200 workloads: median and last template',
  d: '20 edits in one second: rollouts',
  e: 'memory beside 5,000 ConfigMaps and 5,000 Secrets that no policy names, and beside twice as many',
  f: 'requests and writes in 60 idle seconds, and writes after a restart of the operator',
  g: 'one value changed in 1 MiB of ten documents: until it is acted on, and what it holds up',
  h: 'kubectl reload plan against a folder of 500 manifests',
  i: 'ConfigMap write to the record saying that 3 applications have loaded it',
  j: 'the watcher library: from swap to callback, 1,000 variables, its heap, and its CPU while idle',
  k: 'rounds of the sample kloros: from a promotion until every process runs on it',
  l: 'ConfigMap write to the record saying that 80 pods have the files, with node agents',
} as const;

export type SectionId = keyof typeof SECTIONS;

export interface Options {
  readonly only: readonly SectionId[];
  /** Replaces each section's own number of repetitions. */
  readonly samples?: number;
  readonly peer?: { readonly command: string; readonly annotation: { readonly key: string; readonly value: string } };
  readonly out?: string;
  /** Name of a running cluster to use instead of a throwaway one. */
  readonly cluster?: string;
}

const USAGE = `usage: node test/bench/main.ts [options]

Measures the operator on a real cluster, prints one table and writes it as JSON to bench-results/.
Starts a throwaway cluster: with a node as root on Linux, else a control plane only, where section a is left out and
the operator runs as a process of this machine with the token of its service account.

  --only a,b,…            only these sections:
${Object.entries(SECTIONS)
  .map(([id, text]) => `                            ${id}  ${text}`)
  .join('\n')}
  --samples N             repetitions: changes in a, i, j and l, edits in b, rounds in c, d, g, h and k (default: each its own)
  --peer 'COMMAND'        another controller to measure in b to e: started by sh with KUBECONFIG set, ended afterwards
  --peer-annotation K=V   annotation that makes the peer restart a Deployment when a ConfigMap it reads changes
  --cluster NAME          use this running cluster of test/cluster, and leave it running; an operator in it is
                          replaced, and removed at the end
  --out FILE              where the JSON goes
  --help                  this text

Exits with 1 where something could not be measured; a figure that falls short is shown as short, and is no error.
`;

/** @returns the options, or the text that the user asked for. @throws with one sentence for a wrong argument. */
export function readOptions(argv: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      samples: { type: 'string' },
      peer: { type: 'string' },
      'peer-annotation': { type: 'string' },
      cluster: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return USAGE;
  const peer = readPeer(values.peer, values['peer-annotation']);
  return {
    only: readSections(values.only),
    ...(values.samples !== undefined && { samples: readCount(values.samples) }),
    ...(peer !== undefined && { peer }),
    ...(values.out !== undefined && { out: values.out }),
    ...(values.cluster !== undefined && { cluster: values.cluster }),
  };
}

const isSection = (id: string): id is SectionId => id in SECTIONS;

function readSections(list: string | undefined): readonly SectionId[] {
  const all = Object.keys(SECTIONS).filter(isSection);
  if (list === undefined) return all;
  const asked = list.split(',').map((id) => id.trim());
  const unknown = asked.filter((id) => !isSection(id));
  if (unknown.length > 0) throw new Error(`--only names ${unknown.join(', ')}: there are ${all.join(', ')}`);
  return all.filter((id) => asked.includes(id));
}

function readCount(text: string): number {
  const count = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new Error(`--samples is ${text}: give a whole number from 1 to 9999`);
  return count;
}

function readPeer(command: string | undefined, annotation: string | undefined): Options['peer'] {
  if (command === undefined && annotation === undefined) return undefined;
  const [, key, value] = /^([^=]+)=(.*)$/.exec(annotation ?? '') ?? [];
  if (command === undefined || key === undefined || value === undefined)
    throw new Error('--peer and --peer-annotation KEY=VALUE belong together: give both');
  return { command, annotation: { key, value } };
}
