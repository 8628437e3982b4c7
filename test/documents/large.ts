/** A source as large as one may be: documents as long files of configuration are. */

const DOCUMENTS = 10;
/** Ten of them, with their names, stay below the 1 MiB that a ConfigMap may have. */
const BYTES = 100_000;

/** Sections in plenty, one of which is hot. */
const document = (index: number): string => {
  const lines = ['logging:', '  level: info', '  sampled: 0', 'services:'];
  let bytes = 0;
  for (let service = 0; bytes < BYTES; service++) {
    const more = [
      `  - name: service-${index}-${service}`,
      `    address: "10.${index}.${service % 250}.1:8080"`,
      `    timeout: ${service % 60}s # as measured`,
      '    retries: { attempts: 3, backoff: 0.25 }',
      `    owners: [team-${service % 7}, team-${service % 11}]`,
    ];
    bytes += more.reduce((sum, line) => sum + line.length + 1, 0);
    if (bytes < BYTES) lines.push(...more);
  }
  return `${lines.join('\n')}\n`;
};

/** By key. */
export const largeSource: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: DOCUMENTS }, (_, index) => [`part-${index}.yaml`, document(index)]),
);

export const LARGE_RULES = [{ keys: ['*.yaml'], paths: ['/logging/**'], class: 'Hot' as const }];

const HOT = 'sampled: 0';
const COLD = 'timeout: 59s';

/** One hot value of one document is another, in each round. */
export const hotEdit = (round: number): Readonly<Record<string, string>> => {
  const key = `part-${round % DOCUMENTS}.yaml`;
  return { [key]: (largeSource[key] ?? '').replace(HOT, `sampled: ${round}`) };
};

/** After the hot edit of a round: one value of the same document that needs a restart. */
export const coldEdit = (round: number): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(hotEdit(round)).map(([key, text]) => [key, text.replace(COLD, 'timeout: 60s')]));
