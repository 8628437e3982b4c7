import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Only these files may read the clock or set timers; everything else takes a Clock. */
const CLOCKS = ['src/runtime/clock.ts', 'src/watcher/clock.ts'];
/** Only these files may touch the process: they hand env, argv and signals on. */
const MAIN = ['src/main.ts', 'src/kubectl-reload.ts', 'src/agent-main.ts'];
/** The library for applications hands on what is theirs: the environment, and standard error. */
const LIBRARY = 'src/watcher/index.ts';

export default defineConfig(
  { ignores: ['.dependency-cruiser.mjs', 'node_modules/**', 'dist/**', '.cluster/**', '**/*.gen.ts'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: [...CLOCKS, ...MAIN, LIBRARY, 'src/codegen/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: `only ${CLOCKS.join(' and ')} set timers: take a Clock` },
        { name: 'setInterval', message: `only ${CLOCKS.join(' and ')} set timers: take a Clock` },
        { name: 'process', message: `only ${MAIN.join(' and ')} touch the process: take what you need as an argument` },
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'Date',
          property: 'now',
          message: `only ${CLOCKS.join(' and ')} read the time: take a Clock or a number`,
        },
        { object: 'Math', property: 'random', message: 'randomness comes in as an argument' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'name every export' },
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.name='Date']",
          message: `only ${CLOCKS.join(' and ')} read the time: take a Clock or a number`,
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'src/codegen/**/*.ts', 'config/bundle/package.ts', ...MAIN],
    rules: { 'no-console': 'off' },
  },
  {
    // node:test's describe, it and hooks return promises that the runner itself awaits.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              name: ['describe', 'it', 'test', 'before', 'after', 'beforeEach', 'afterEach', 'suite'],
              package: 'node:test',
            },
          ],
        },
      ],
    },
  },
);
