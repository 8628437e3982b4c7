import type { KeyInspection, KeyRequest } from '../domain/inspection.ts';

export const inspectKey = (_request: KeyRequest): KeyInspection => ({ problems: new Map() });
