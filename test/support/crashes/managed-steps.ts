/** The steps of a restart with managed delivery, and of a rollback: which request each is, in their order. */

import type { SeenRequest } from '../interfering-proxy.ts';

export interface Step {
  readonly name: string;
  /** Whether a request is the step; all that belongs to a scene has its name. */
  matches(request: SeenRequest, scene: string): boolean;
  /** Right before it, what it is a step of has been recorded: it has begun, and is completed. */
  readonly begunBefore: boolean;
}

const liveWrite = ({ method, path }: SeenRequest, scene: string): boolean =>
  method === 'PUT' && path.endsWith(`/configmaps/${scene}-live`);
const recordWrite = ({ method, path }: SeenRequest, scene: string): boolean =>
  method === 'PUT' && path.endsWith(`/reloadrecords/deployment-${scene}`);
const templatePatch = ({ method, path }: SeenRequest, scene: string): boolean =>
  method === 'PATCH' && path.endsWith(`/deployments/${scene}`);
/** What a live object is of is said in an annotation. */
const isOf = ({ body }: SeenRequest, snapshot: number): boolean =>
  body.includes(`"reload-operator.dev/snapshot":"${snapshot}"`);

export const RESTART_STEPS: readonly Step[] = [
  {
    name: 'snapshot',
    matches: (request, scene) =>
      request.method === 'POST' && request.path.endsWith('/configmaps') && request.body.includes(`"${scene}-live-2"`),
    begunBefore: false,
  },
  {
    name: 'intent',
    matches: (request, scene) => recordWrite(request, scene) && request.body.includes('"intent"'),
    begunBefore: false,
  },
  { name: 'live', matches: (request, scene) => liveWrite(request, scene) && isOf(request, 2), begunBefore: true },
  { name: 'template', matches: templatePatch, begunBefore: true },
  {
    name: 'record',
    matches: (request, scene) =>
      recordWrite(request, scene) && request.body.includes('"restart"') && !request.body.includes('"intent"'),
    begunBefore: true,
  },
];

export const ROLLBACK_STEPS: readonly Step[] = [
  {
    name: 'intent',
    matches: (request, scene) => recordWrite(request, scene) && request.body.includes('"Intended"'),
    begunBefore: false,
  },
  {
    name: 'live',
    matches: (request, scene) => liveWrite(request, scene) && isOf(request, 1),
    begunBefore: true,
  },
  {
    name: 'template',
    matches: (request, scene) => templatePatch(request, scene) && !request.body.includes('restart-digest'),
    begunBefore: true,
  },
  {
    name: 'record',
    matches: (request, scene) =>
      recordWrite(request, scene) && request.body.includes('"Rollback"') && !request.body.includes('"Intended"'),
    begunBefore: true,
  },
];
