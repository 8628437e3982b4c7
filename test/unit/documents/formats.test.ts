import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DocumentFormatName } from '../../../src/api/v1alpha1/documents.ts';
import { DocumentError, formatOf, parseDocument } from '../../../src/documents/parse.ts';

const leavesOf = (format: DocumentFormatName, text: string): Record<string, readonly [tag: string, text: string]> =>
  Object.fromEntries(
    parseDocument(text, format).leaves.map(({ pointer, tag, text: value }) => [`'${pointer}'`, [tag, value]]),
  );

interface Row {
  readonly text: string;
  /** By pointer, in quotes: an object would take a number, or `__proto__`, for something else. */
  readonly leaves: Record<string, readonly [tag: string, text: string]>;
}

const READ: Readonly<Record<DocumentFormatName, Readonly<Record<string, Row>>>> = {
  YAML: {
    nothing: { text: '# a comment\n', leaves: { "''": ['null', ''] } },
    'a scalar alone': { text: 'a', leaves: { "''": ['str', 'a'] } },
    'an explicit start of one document': { text: '---\na: b\n', leaves: { "'/a'": ['str', 'b'] } },
    'several documents': {
      text: 'a: 1\n---\n[]\n---\n',
      leaves: { "''": ['list', ''], "'/0/a'": ['int', '1'], "'/1'": ['list', ''], "'/2'": ['null', ''] },
    },
    'empty containers, and a list that is not': {
      text: 'm: {}\nl: []\nf: [[]]',
      leaves: { "'/m'": ['map', ''], "'/l'": ['list', ''], "'/f'": ['list', ''], "'/f/0'": ['list', ''] },
    },
    'nulls and booleans, in one way': {
      text: 'a:\nb: ~\nc: NULL\nd: True\ne: false',
      leaves: {
        "'/a'": ['null', ''],
        "'/b'": ['null', ''],
        "'/c'": ['null', ''],
        "'/d'": ['bool', 'true'],
        "'/e'": ['bool', 'false'],
      },
    },
    'numbers, as they are written': {
      text: '[1.10, 0x10, 0o17, 0777, 9007199254740993, -.inf, .NaN, 1e3, +1]',
      leaves: {
        "''": ['list', ''],
        "'/0'": ['float', '1.10'],
        "'/1'": ['int', '0x10'],
        "'/2'": ['int', '0o17'],
        "'/3'": ['int', '0777'],
        "'/4'": ['int', '9007199254740993'],
        "'/5'": ['float', '-.inf'],
        "'/6'": ['float', '.NaN'],
        "'/7'": ['float', '1e3'],
        "'/8'": ['int', '+1'],
      },
    },
    'what is a string to some readers only': {
      text: '[on, "on", N, 1_000, 1:30, 0b1, 2024-01-01, 2024-01-01 10:00:00, =, 1.2.3, nope]',
      leaves: {
        "''": ['list', ''],
        "'/0'": ['plain', 'on'],
        "'/1'": ['str', 'on'],
        "'/2'": ['plain', 'N'],
        "'/3'": ['plain', '1_000'],
        "'/4'": ['plain', '1:30'],
        "'/5'": ['plain', '0b1'],
        "'/6'": ['plain', '2024-01-01'],
        "'/7'": ['plain', '2024-01-01 10:00:00'],
        "'/8'": ['plain', '='],
        "'/9'": ['str', '1.2.3'],
        "'/10'": ['str', 'nope'],
      },
    },
    'strings, by what they say': {
      text: `a: x\nb: 'x'\nc: "\\x78"\nd: |-\n  x\ne: >-\n  x\nf: x\n  y`,
      leaves: {
        "'/a'": ['str', 'x'],
        "'/b'": ['str', 'x'],
        "'/c'": ['str', 'x'],
        "'/d'": ['str', 'x'],
        "'/e'": ['str', 'x'],
        "'/f'": ['str', 'x y'],
      },
    },
    'explicit tags': {
      text: 'a: !!str 1\nb: !custom 1\nc: !ref [x]\nd: !!map {x: z}',
      leaves: {
        "'/a'": ['str', '1'],
        "'/b'": ['<!custom>', '1'],
        "'/c'": ['<!ref> list', ''],
        "'/c/0'": ['<!ref> str', 'x'],
        "'/d/x'": ['str', 'z'],
      },
    },
    'names that are no strings': {
      text: '1: a\n"2": b\n~: c\non: {x: d}',
      leaves: {
        "'/1'": ['int str', 'a'],
        "'/2'": ['str', 'b'],
        "'/null'": ['null str', 'c'],
        "'/on/x'": ['plain str', 'd'],
      },
    },
    'aliases and merge keys': {
      text: 'a: &a {x: 1, w: 2}\nb: *a\nc:\n  <<: *a\n  w: 3\nd: {<<: [{w: 4}, *a]}\n"<<": z',
      leaves: {
        "'/a/x'": ['int', '1'],
        "'/a/w'": ['int', '2'],
        "'/b/x'": ['int', '1'],
        "'/b/w'": ['int', '2'],
        "'/c/w'": ['int', '3'],
        "'/c/x'": ['int', '1'],
        "'/d/w'": ['int', '4'],
        "'/d/x'": ['int', '1'],
        "'/<<'": ['str', 'z'],
      },
    },
    'a name that objects have anyway, and names that pointers escape': {
      text: '__proto__: 1\nconstructor: 2\na/b~c: 3\n"": 4',
      leaves: {
        "'/__proto__'": ['int', '1'],
        "'/constructor'": ['int', '2'],
        "'/a~1b~0c'": ['int', '3'],
        "'/'": ['int', '4'],
      },
    },
    'a version: plain scalars may mean something else': {
      text: '%YAML 1.1\n---\na: on\nb: "on"\n',
      leaves: { "'/a'": ['str@1.1 plain@1.1', 'on'], "'/b'": ['str@1.1 str', 'on'] },
    },
  },
  JSON: {
    everything: {
      text: '{"a": [1.10, -0, 1E5, "\\u00e9", true, null], "b": {}, "c": [], "__proto__": "x", "": 0}',
      leaves: {
        "'/a'": ['list', ''],
        "'/a/0'": ['number', '1.10'],
        "'/a/1'": ['number', '-0'],
        "'/a/2'": ['number', '1E5'],
        "'/a/3'": ['str', 'é'],
        "'/a/4'": ['bool', 'true'],
        "'/a/5'": ['null', 'null'],
        "'/b'": ['map', ''],
        "'/c'": ['list', ''],
        "'/__proto__'": ['str', 'x'],
        "'/'": ['number', '0'],
      },
    },
  },
  TOML: {
    everything: {
      text: 'a.b = 1_000\n"c.d" = \'x\'\nt = 1979-05-27T07:32:00Z\n[e]\n[[f]]\ng = inf\n[f.h]\ni = true\n[[f]]\n[__proto__]\nx = """\ny"""\n',
      leaves: {
        "'/a/b'": ['integer', '1_000'],
        "'/c.d'": ['str', 'x'],
        "'/t'": ['offset-date-time', '1979-05-27T07:32:00Z'],
        "'/e'": ['map', ''],
        "'/f'": ['list', ''],
        "'/f/0/g'": ['float', 'inf'],
        "'/f/0/h/i'": ['bool', 'true'],
        "'/f/1'": ['map', ''],
        "'/__proto__/x'": ['str', 'y'],
      },
    },
    nothing: { text: '', leaves: { "''": ['map', ''] } },
  },
  Properties: {
    everything: {
      text: '! c\na.b.c=1\nd : e \\\n   f\ng\nh\\ i=\\u00e9\na.b.c = 2\n__proto__=x\na/b=y',
      leaves: {
        "'/a.b.c'": ['str', '2'],
        "'/d'": ['str', 'e f'],
        "'/g'": ['str', ''],
        "'/h i'": ['str', 'é'],
        "'/__proto__'": ['str', 'x'],
        "'/a~1b'": ['str', 'y'],
      },
    },
  },
  Dotenv: {
    everything: {
      text: '# c\nexport A=1 # c\r\nB="x\ny" # d\nC=\'$H\'\nD=$H\nE=\nF=a=b\n__proto__=5\nA=2\nG="q" r\nH=\'it "is"\'\nI="a\\nb"',
      leaves: {
        "'/A'": ['str', '2'],
        "'/B'": ['str', 'x\ny'],
        "'/C'": ["str '", '$H'],
        "'/D'": ['str', '$H'],
        "'/E'": ['str', ''],
        "'/F'": ['str', 'a=b'],
        "'/__proto__'": ['str', '5'],
        "'/G'": ['str', '"q" r'],
        "'/H'": ['str', 'it "is"'],
        "'/I'": ['str', 'a\nb'],
      },
    },
  },
  INI: {
    everything: {
      text: 'top = 1\n[a b]\nk = "v" ; c\nk: w\nflag\nlong = x\n   y\n\n   z\n; c\n[empty]\n[a b] # again\n__proto__=1\nurl = http://x?a=b\n',
      leaves: {
        "'/top'": ['str', '1'],
        "'/a b/k'": ['list', ''],
        "'/a b/k/0'": ['str', '"v" ; c'],
        "'/a b/k/1'": ['str', 'w'],
        "'/a b/flag'": ['null', ''],
        "'/a b/long'": ['str', 'x\ny\nz'],
        "'/a b/__proto__'": ['str', '1'],
        "'/a b/url'": ['str', 'http://x?a=b'],
        "'/empty'": ['map', ''],
      },
    },
    'names that are all indented alike, as git writes them': {
      text: '[core]\n\teditor = vim\n\tbare = false\n',
      leaves: { "'/core/editor'": ['str', 'vim'], "'/core/bare'": ['str', 'false'] },
    },
  },
};

const REFUSED: Readonly<Record<DocumentFormatName, Readonly<Record<string, string>>>> = {
  YAML: {
    'a: secret\nb: 1\na: 2': 'line 3, column 1: the same name twice',
    '1: a\n"1": b': 'line 2, column 1: the same name twice',
    'a: *secret': 'line 1, column 4: an alias for which there is no anchor before it',
    'a: &a [*a]': 'line 1, column 8: an alias for what it stands in',
    '? [a, b]\n: c': 'line 1, column 3: a name that is a list or a map',
    '{<<: {}, <<: {}}': 'line 1, column 10: the same name twice',
    '<<: secret': 'line 1, column 5: a merge key of what is neither a map nor a list of maps',
    'a:\n\t- b': 'line 2, column 1: a tab as indentation',
    'a: [1, 2': 'line 1, column 9: wrong indentation, or a bracket that is not closed',
    'a: "b': 'line 1, column 6: a character is missing: a quote, a bracket, a comma, a colon or a space',
    'a: @secret': 'line 1, column 4: a character that no plain value starts with: quote it',
    'a: "\\ud800"': 'line 1, column 4: half a character: a surrogate without the other',
    '[a]]': 'line 1, column 4: something that is not expected here',
  },
  JSON: {
    '': 'line 1, column 1: a value is expected',
    '{"a": 1, "a": 2}': 'line 1, column 10: the same name twice',
    '{"a": 1,}': 'line 1, column 9: a name in double quotes is expected',
    '[1,]': 'line 1, column 4: a value is expected',
    '// secret\n{}': 'line 1, column 1: a comment: JSON has none',
    '[01]': 'line 1, column 3: a comma is expected',
    '{} {}': 'line 1, column 4: the end is expected: JSON is one value',
    '[secret]': 'line 1, column 2: a word that JSON does not know',
    "['a']": 'line 1, column 2: a word that JSON does not know',
    '"\\ud800"': 'line 1, column 1: half a character: a surrogate without the other',
    '"a\tb"': 'line 1, column 1: a control character in a string',
    '\ufeff{}': 'line 1, column 1: a word that JSON does not know',
  },
  TOML: {
    'a = 1\na = 2': 'line 2, column 1: is not valid TOML',
    'a = secret': 'line 1, column 5: is not valid TOML',
    'a = "b': 'line 1, column 7: is not valid TOML',
    '[a]\n[a]': 'line 2, column 2: is not valid TOML',
  },
  Properties: {
    'a=1\nsecret=\\u12': 'line 2, column 8: an escape that is none',
    'a=\\ud800': 'line 1, column 1: half a character: a surrogate without the other',
  },
  Dotenv: {
    'A=1\nsecret': 'line 2, column 1: is no assignment: NAME=value',
    'A=1\n=secret': 'line 2, column 1: is no assignment: NAME=value',
    'A="secret': 'line 1, column 3: a quote without an end',
  },
  INI: {
    '[secret': 'line 1, column 1: a section without its closing bracket',
    '=secret': 'line 1, column 1: a value without a name',
    'secret=1\n[secret]\na=1': 'a section with the name of a value outside of sections',
  },
};

for (const [format, rows] of Object.entries(READ) as [DocumentFormatName, Readonly<Record<string, Row>>][]) {
  describe(`a document in ${format}`, () => {
    for (const [what, { text, leaves }] of Object.entries(rows)) {
      it(`has leaves: ${what}`, () => {
        assert.deepEqual(leavesOf(format, text), leaves);
      });
    }
    for (const [text, message] of Object.entries(REFUSED[format])) {
      it(`is refused: ${JSON.stringify(text)}`, () => {
        assert.throws(
          () => parseDocument(text, format),
          (thrown) => {
            assert.ok(thrown instanceof DocumentError);
            assert.equal(thrown.message, message);
            return true;
          },
        );
      });
    }
  });
}

describe('a leaf', () => {
  it('knows where its value stands, unless that is elsewhere', () => {
    for (const [format, text, expected] of [
      ['YAML', 'a: &a "x" # c\nb: [1.10]\nc: *a\nd: |\n  y\n', ['"x"', undefined, '1.10', undefined, '|\n  y\n']],
      ['YAML', 'a: &a {x: 1}\nb: {<<: *a, w: 2}\nc: {<<: {x: 3}}', ['1', '2', undefined, '3']],
      ['JSON', '{"a": [ "x" , {} ]}', [undefined, '"x"', '{}']],
      ['TOML', 'a = "x" # c\n[b]\nc = [1]', ['"x"', undefined, '1']],
      ['Properties', 'a = x \\\n  y\nb', ['x \\\n  y', '']],
      ['Dotenv', 'A= "x" # c\nB=y # c', ['"x"', 'y']],
      ['INI', '[s]\na = x y \nb', ['x y', undefined]],
    ] as const) {
      const ranges = parseDocument(text, format).leaves.map(({ range }) => range && text.slice(...range));
      assert.deepEqual(ranges, expected, format);
    }
  });
});

describe('the value of a document', () => {
  it('is plain, of whatever names', () => {
    const value = parseDocument('{"__proto__": {"a": 1}, "constructor": [1.5, null, true, "x"]}', 'JSON').toValue();
    assert.equal(Object.getPrototypeOf(value), null);
    assert.equal(JSON.stringify(value), '{"__proto__":{"a":1},"constructor":[1.5,null,true,"x"]}');
  });

  it('is a list of several YAML documents, and resolves numbers and aliases', () => {
    const value = parseDocument('a: &a [0x10, 0o17, .5, -.inf]\nb: *a\n---\n~\n', 'YAML').toValue();
    assert.deepEqual(structuredClone(value), [{ a: [16, 15, 0.5, -Infinity], b: [16, 15, 0.5, -Infinity] }, null]);
  });

  it('has strings where the format knows nothing else', () => {
    for (const [format, text] of [
      ['Properties', 'a=1'],
      ['Dotenv', 'a=1'],
      ['INI', 'a=1'],
    ] as const)
      assert.deepEqual({ ...(parseDocument(text, format).toValue() as object) }, { a: '1' }, format);
  });
});

describe('the format of a key', () => {
  for (const [key, expected] of [
    ['app.yaml', 'YAML'],
    ['app.YML', 'YAML'],
    ['a.b.json', 'JSON'],
    ['Cargo.toml', 'TOML'],
    ['log4j2.properties', 'Properties'],
    ['.env', 'Dotenv'],
    ['params.env', 'Dotenv'],
    ['php.ini', 'INI'],
    ['nginx.conf', undefined],
    ['Corefile', undefined],
    ['env', undefined],
    ['yaml', undefined],
    ['a.constructor', undefined],
  ] as const) {
    it(`${key} is ${expected ?? 'not known'}`, () => {
      assert.equal(formatOf(key), expected);
    });
  }
});
