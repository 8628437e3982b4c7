import { builtinModules } from 'node:module';

/** A module that is not bundled as it is, and the JavaScript that takes its place. */
export interface Replacement {
  /** What the import says. */
  readonly module: RegExp;
  /** Only for imports from files whose path matches. Default: all. */
  readonly importer?: RegExp;
  /** Only for imports of this kind. Default: all. */
  readonly kind?: 'import-statement';
  /** Given what the import says. */
  readonly contents: (module: string) => string;
}

/** A class that refuses to be made, and says why. */
const absentClass = (name: string, instead: string): string =>
  `export class ${name} { constructor() { throw new Error('${name} is not in the bundle: ${instead}'); } }`;

export const REPLACEMENTS: readonly Replacement[] = [
  {
    // All generated API classes and models hang on its index: 5 MB of code and 30 MB of memory, of which only KubeConfig
    // is used. The constructor of @dot-i/k8s-operator's Operator makes a CoreV1Api, so that one may be made, not used.
    module: /^@kubernetes\/client-node$/,
    contents: () => `
      export { KubeConfig } from '@kubernetes/client-node/dist/config.js';
      export class CoreV1Api {
        constructor() {
          return new Proxy(this, {
            get: (target, property) => {
              if (typeof property === 'symbol' || property in Object.prototype) return Reflect.get(target, property);
              throw new Error('CoreV1Api.' + property + ' is not in the bundle: use src/kube/connect.ts');
            },
          });
        }
      }
      ${absentClass('ApiextensionsV1Api', 'definitions are installed from crds/')}
      ${absentClass('Watch', 'src/runtime/reflector.ts watches')}
      export const loadYaml = () => { throw new Error('loadYaml is not in the bundle: definitions are installed from crds/'); };
    `,
  },
  {
    // What KubeConfig takes from the generated code: the configuration it hands to the API class above.
    module: /^\.\/gen\/index\.js$/,
    importer: /client-node\/dist\/config\.js$/,
    contents: () => `
      export const createConfiguration = (configuration) => configuration;
      export class ServerConfiguration { constructor(url) { this.url = url; } }
    `,
  },
  {
    // Operator's way of writing status and finalizers, which is not used; it brings node-fetch and with it the
    // deprecated punycode module.
    module: /^gaxios$/,
    contents: () => `export const instance = {
      request: () => Promise.reject(new Error('gaxios is not in the bundle: use src/kube/connect.ts')),
    };`,
  },
  {
    // Operator makes one queue.
    module: /^async$/,
    contents: () => `exports.queue = require('async/queue.js');`,
  },
  {
    // Its main module asks for its own files at run time, by a require that no bundler can follow.
    module: /^jsonc-parser$/,
    contents: () => `export * from 'jsonc-parser/lib/esm/main.js';`,
  },
  {
    // src/kube/credentials.ts refuses SOCKS proxies.
    module: /^socks$/,
    contents: () => `export const SocksClient = {};`,
  },
  {
    module: /^socks-proxy-agent$/,
    contents: () => absentClass('SocksProxyAgent', 'use an HTTP proxy or none'),
  },
  {
    // The index of undici makes every feature part of the program: fetch, caches, mocks, WebSocket.
    module: /^undici$/,
    contents: () => `
      const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
      Object.assign(Dispatcher.prototype, require('undici/lib/api/index.js'));
      exports.Agent = require('undici/lib/dispatcher/agent.js');
      exports.ProxyAgent = require('undici/lib/dispatcher/proxy-agent.js');
      exports.errors = require('undici/lib/core/errors.js');
    `,
  },
  {
    // An import statement reads every export of a built-in module, and some of node:http's load fetch and WebSocket
    // when read: 8 MB. A require doesn't.
    module: new RegExp(`^(node:)?(${builtinModules.join('|')})$`),
    kind: 'import-statement',
    contents: (module) => `module.exports = require(${JSON.stringify(module)});`,
  },
];
