import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { rolesFor, type BindingPolicy } from '../../../src/domain/rights.ts';
import { SETTINGS, type Setting } from '../../../src/settings/schema.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { anchorsOf, blocksOf, CHECKOUT, codeOf, PAGES, read } from './pages.ts';

describe('the documentation', () => {
  it('is found', () => {
    for (const page of [
      'README.md',
      'CONTRIBUTING.md',
      'docs/architecture.md',
      'docs/operations.md',
      'docs/classify-keys.md',
      'docs/paths.md',
      'docs/validate.md',
      'docs/prove-hot-changes.md',
      'docs/plan-in-ci.md',
      'docs/approval.md',
      'docs/windows.md',
      'docs/budget.md',
      'docs/order.md',
      'docs/secrets.md',
      'docs/applications.md',
      'docs/cli.md',
      'docs/api.md',
    ])
      assert.ok(PAGES.includes(page), `${page} is missing`);
  });

  for (const path of PAGES) {
    const page = read(path);

    it(`${path}: every relative link leads somewhere`, () => {
      const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) =>
        /^[a-z]+:/.test(target) ? [] : [target],
      );
      for (const link of links) {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : relative(CHECKOUT, join(CHECKOUT, dirname(path), file));
        assert.ok(existsSync(join(CHECKOUT, target)), `${link} leads nowhere`);
        if (anchor !== undefined) assert.ok(anchorsOf(read(target)).includes(anchor), `${link} has no such heading`);
      }
    });

    it(`${path}: every YAML example parses, and every policy in it is one`, () => {
      for (const { text } of blocksOf(page).filter(({ language }) => language === 'yaml')) {
        for (const document of parseAllDocuments(text)) {
          assert.deepEqual(document.errors, [], text);
          checkPolicy(document.toJS());
        }
      }
    });

    it(`${path}: every make target exists`, () => {
      const targets = [...read('Makefile').matchAll(/^([a-z][a-z0-9-]*):/gm)].map(([, target]) => target);
      for (const [, named] of codeOf(page).matchAll(/\bmake ([a-z][a-z0-9-]*)/g))
        assert.ok(targets.includes(named), `there is no make ${named ?? ''}`);
    });

    it(`${path}: every folder that is applied or deleted exists`, () => {
      for (const [, folder = ''] of codeOf(page).matchAll(/kubectl [^\n]*-k ([-a-z/]+)/g))
        assert.ok(existsSync(join(CHECKOUT, folder, 'kustomization.yaml')), `there is no ${folder}`);
    });

    it(`${path}: every metric exists`, async () => {
      const named = codeOf(page).match(/\b(reload|workqueue|controller_runtime|rest_client|process|nodejs)_[a-z_]+\b/g);
      const published = await publishedMetrics();
      for (const metric of named ?? []) assert.ok(published.has(metric), `there is no metric ${metric}`);
    });
  }

  it('names every metric of the operator', async () => {
    const page = read('docs/operations.md');
    const ours = [...(await publishedMetrics())].filter((metric) => metric.startsWith('reload_'));
    assert.ok(ours.length > 0);
    for (const metric of ours) assert.ok(page.includes(`\`${metric}\``), `docs/operations.md does not name ${metric}`);
  });

  it('names one version of Kubernetes, in which the CRDs are valid', () => {
    const versions = ['README.md', 'docs/operations.md'].map(
      (page) => /Kubernetes (\d+\.\d+) or later/.exec(read(page))?.[1],
    );
    // CEL's format library is of 1.31; a new CRD may use what the minor version before has.
    const crds = readdirSync(join(CHECKOUT, 'crds')).map((file) => read(`crds/${file}`));
    assert.ok(crds.some((crd) => crd.includes('format.qualifiedName()')));
    assert.deepEqual(versions, ['1.32', '1.32']);
  });

  it('lists every setting in the README, as it is', () => {
    const rows = [...read('README.md').matchAll(/^\| `(--[a-z-]+)` \| (.*?) ?\| (.*?) ?\|/gm)].map(
      ([, flag = '', env = '', preset = '']) => [flag, bare(env), bare(preset)],
    );
    const settings: readonly Setting<unknown>[] = Object.values(SETTINGS);
    assert.deepEqual(
      rows,
      settings.map(({ flag, env = '', default: preset = '' }) => [flag, env, preset]),
    );
  });
});

describe('the page on Secrets', () => {
  it('shows the very Role that its policy needs', () => {
    const [first, second] = blocksOf(read('docs/secrets.md')).filter(({ language }) => language === 'yaml');
    const { metadata, spec } = parse(first?.text ?? '') as {
      readonly metadata: { readonly namespace: string };
      readonly spec: Pick<BindingPolicy, 'sources' | 'workloads'>;
    };
    const [grant] = rolesFor([{ ...metadata, ...spec }]);
    assert.deepEqual(
      parseAllDocuments(second?.text ?? '').map((document) => document.toJS() as unknown),
      [grant?.role, grant?.binding],
    );
  });
});

describe("Kubernaut's services", () => {
  const folder = 'config/samples/kubernaut';

  for (const service of ['signalprocessing', 'aianalysis', 'holmesgpt-api', 'gateway', 'workflowexecution']) {
    it(`${service} has a policy that the schema accepts`, () => {
      const [policy] = parseAllDocuments(read(`${folder}/${service}/policy.yaml`));
      assert.equal(checkPolicy(policy?.toJS()), true);
    });
  }

  it('refuse a bad flag with the words of their README and code 2', () => {
    const [, args = '', said = ''] = /^ *\$ node app\/main\.ts (.*)\n *(.*)$/m.exec(read(`${folder}/README.md`)) ?? [];
    assert.notEqual(said, '');
    const program = join(CHECKOUT, folder, 'app/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [program, ...args.split(' ')], { encoding: 'utf8' });
    assert.deepEqual({ status, stderr }, { status: 2, stderr: `${said}\n` });
  });
});

describe('the namespaced install', () => {
  it('grants what the cluster-wide one grants', () => {
    const rulesOf = (path: string): unknown => {
      const role: unknown = parseAllDocuments(read(path))[0]?.toJS();
      return typeof role === 'object' && role !== null && 'rules' in role ? role.rules : undefined;
    };
    const rules = rulesOf('config/rbac/cluster-role.yaml');
    assert.ok(Array.isArray(rules));
    assert.deepEqual(rulesOf('config/namespaced/role.yaml'), rules);
  });
});

const bare = (cell: string): string => cell.replaceAll('`', '');

/** @returns whether it was a policy */
function checkPolicy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'ReloadPolicy') return false;
  assert.ok('spec' in value && 'apiVersion' in value);
  assert.equal(value.apiVersion, 'reload-operator.dev/v1alpha1');
  const parsed = reloadPolicySpecSchema.strict().safeParse(value.spec);
  assert.ok(parsed.success, parsed.error?.message);
  return true;
}

async function publishedMetrics(): Promise<ReadonlySet<string>> {
  const metrics = createMetrics();
  metrics.observeWatches(() => []);
  metrics.observeOwnWatches(() => []);
  metrics.observeBreakers(() => []);
  const text = await metrics.metrics();
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
}
