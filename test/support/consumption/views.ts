/** What running containers can see: their files, their environment, their command line. */

import type { Pod, Stage } from '../stage.ts';
import { eventually } from '../wait.ts';

/** What one running container sees: by the place, as explanations name it. */
export interface View {
  readonly name: string;
  readonly container: string;
  readonly places: ReadonlyMap<string, string>;
}

const LOOK = [
  'find -L /mnt -type f 2>/dev/null | while read -r file; do printf "%s\\t" "$file"; cat "$file"; echo; done',
  'tr "\\0" "\\n" < /proc/1/environ | sed "s/^\\([^=]*\\)=/env \\1\\t/"',
  'printf "arguments\\t"; tr "\\0" " " < /proc/1/cmdline',
].join('; ');

export const look = async (stage: Stage, name: string): Promise<readonly View[]> => {
  const pod = await thePod(stage, name);
  const { spec } = pod as Pod & { readonly spec: { readonly [containers: string]: readonly RawContainer[] } };
  const running = [
    ...(spec['initContainers'] ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
    ...(spec['containers'] ?? []),
  ];
  return Promise.all(
    running.map(async ({ name: each }) => {
      const text = await stage.kubectl.run([
        '-n',
        stage.namespace,
        'exec',
        pod.metadata.name,
        '-c',
        each,
        '--',
        'sh',
        '-c',
        LOOK,
      ]);
      const places = text.split('\n').map((line) => line.split('\t') as [string, string | undefined]);
      return { name, container: each, places: new Map(places.map(([place, value = '']) => [place, value])) };
    }),
  );
};

interface RawContainer {
  readonly name: string;
  readonly restartPolicy?: string;
}

const thePod = (stage: Stage, name: string): Promise<Pod> =>
  eventually(
    async () => {
      const [pod, ...more] = await stage.pods(name);
      return more.length === 0 ? pod : undefined;
    },
    { what: `the one pod of ${name}` },
  );

export const textOf = (views: readonly View[]): string =>
  views.flatMap(({ places }) => [...places].map(([place, value]) => `${place}=${value}`)).join('\n');
