/** What a request is about, in words that don't grow with the cluster. */
export interface Resource {
  /** Plural, with the subresource: "configmaps", "pods/status"; the path itself for anything that is no resource. */
  readonly resource: string;
  /** The path with placeholders for names. */
  readonly template: string;
}

/**
 * Takes names out of an API path, so that it can label a metric: `/api/v1/namespaces/x/pods/y/status` becomes
 * `/api/v1/namespaces/{namespace}/pods/{name}/status`. Paths outside `/api` and `/apis` stay as they are.
 */
export function describePath(path: string): Resource {
  const [, root, ...rest] = path.split('/');
  const groupParts = root === 'api' ? 1 : root === 'apis' ? 2 : undefined;
  if (groupParts === undefined || rest.length <= groupParts) return { resource: path, template: path };
  const group = rest.slice(0, groupParts);
  let parts = rest.slice(groupParts);
  const namespaced = parts[0] === 'namespaces' && parts.length > 2;
  if (namespaced) parts = parts.slice(2);
  const [plural = '', name, ...sub] = parts;
  const subresource = sub.map((part) => `/${part}`).join('');
  const template = [
    '',
    root,
    ...group,
    ...(namespaced ? ['namespaces', '{namespace}'] : []),
    plural,
    ...(name === undefined ? [] : ['{name}', ...sub]),
  ].join('/');
  return { resource: `${plural}${subresource}`, template };
}
