// Who may import whom (docs/architecture.md). A room that isn't named here may import nothing of ours.

const ROOMS = {
  api: { ours: [], packages: ['zod'] },
  domain: { ours: ['api'], packages: ['croner', 'node:crypto'] },
  // What a key's content means: parsing, the parts that rules make of it, and its checks. Pure, and run in a worker.
  documents: {
    ours: ['api', 'domain', 'runtime'],
    packages: [
      'yaml',
      'jsonc-parser',
      'toml-eslint-parser',
      'dot-properties',
      'dotenv',
      're2js',
      '@cfworker/json-schema',
      'node:crypto',
      'node:worker_threads',
    ],
  },
  runtime: { ours: [], packages: ['node:'] },
  controller: { ours: ['api', 'domain', 'runtime'], packages: ['node:util'] },
  // The adapters parse into the nouns that decisions are made of.
  kube: {
    ours: ['api', 'domain', 'runtime', 'controller/ports', 'agent/protocol', 'agent/certificate'],
    packages: ['@kubernetes/client-node', 'undici', 'zod', 'node:'],
  },
  // The node agent, a program of its own.
  agent: { ours: ['domain/digest', 'runtime'], packages: ['zod', 'node:'] },
  telemetry: { ours: ['runtime'], packages: ['pino', 'prom-client', 'node:'] },
  // kubectl reload: the same decisions, for people.
  cli: {
    ours: ['api', 'domain', 'documents', 'kube', 'runtime', 'controller/ports', 'version'],
    packages: ['commander', 'yaml', 'zod', 'node:'],
  },
  settings: { ours: [], packages: ['zod', 'node:util'] },
  // For applications: nothing of the operator is loaded with it.
  watcher: { ours: [], packages: ['node:'] },
  codegen: { ours: ['api'], packages: ['zod', 'json-schema-to-typescript', 'yaml', 'typescript', 'prettier', 'node:'] },
};

const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
const room = (name) => `^src/${escape(name)}(/|\\.ts$)`;
const npm = (name) => `(^|/)node_modules/${escape(name)}/`;
const builtin = (name) => (name === 'node:' ? '^[a-z0-9_/]+$' : `^${escape(name.slice('node:'.length))}$`);

const rules = Object.entries(ROOMS).flatMap(([name, { ours, packages }]) => [
  {
    name: `${name}-rooms`,
    comment: `src/${name} may import of ours: ${ours.join(', ') || 'nothing'}`,
    severity: 'error',
    from: { path: room(name) },
    to: { path: '^(src|config|test)/', pathNot: [room(name), ...ours.map(room)] },
  },
  {
    name: `${name}-packages`,
    comment: `src/${name} may import of others: ${packages.join(', ') || 'nothing'}`,
    severity: 'error',
    from: { path: room(name) },
    to: {
      path: '(^|/)node_modules/',
      pathNot: packages.filter((each) => !each.startsWith('node:')).map(npm),
      dependencyTypesNot: ['core'],
    },
  },
  {
    name: `${name}-builtins`,
    comment: `src/${name} may import of Node: ${packages.filter((each) => each.startsWith('node:')).join(', ') || 'nothing'}`,
    severity: 'error',
    from: { path: room(name) },
    to: {
      dependencyTypes: ['core'],
      pathNot: packages.filter((each) => each.startsWith('node:')).map(builtin),
    },
  },
]);

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...rules,
    {
      name: 'schema-only-zod',
      comment: 'types and constants of the API come without a validator',
      severity: 'error',
      from: { path: '^src/api/', pathNot: '^src/api/v1alpha1/schema(\\.ts$|/)' },
      to: { path: npm('zod'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'digest-only-crypto',
      comment: 'decisions are pure: only digest.ts hashes',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: '^src/domain/digest\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'client-at-the-edge',
      comment: 'the Kubernetes client and undici belong to src/kube; the composition root hands the configuration on',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/kube/' },
      to: { path: [npm('@kubernetes/client-node'), npm('undici')], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { pathNot: '^src/main\\.ts$' },
      to: { path: '^src/(main|operator|kubectl-reload|agent-main)\\.ts$' },
    },
    {
      name: 'parts-of-the-root',
      comment: 'only the composition root is made of the files in src/operator',
      severity: 'error',
      from: { pathNot: '^src/operator(\\.ts$|/)' },
      to: { path: '^src/operator/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'not-to-dev',
      comment: 'what runs is not built on what only develops',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/codegen/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
