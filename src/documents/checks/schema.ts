/** A document against a JSON Schema (2020-12), both from users: within bounds, and without a word of the content. */

import { validate, type OutputUnit } from '@cfworker/json-schema';
import { bounded } from './bounded.ts';
import { jsonValue } from './json-value.ts';
import { withLinearExpressions } from './re2-scope.ts';
import { compileSchema, Exhausted, type CompiledSchema } from './schema-compile.ts';
import { findingsOf, type Finding } from './schema-problems.ts';

/** How often parts of a schema may be applied: about a second of work. The largest documents have 100,000 values. */
const MOST_APPLICATIONS = 500_000;
/** The same, once it is known that something is wrong, to find out what else is. */
const MOST_FOR_MORE = 200_000;
/** Whether two items are equal is found out by comparing each with each: about a second, too. */
const MOST_COMPARISONS = 5_000_000;

const compiledSchemas = bounded<CompiledSchema | string>(16);

/** @param document what the document means @param most of how many findings to tell */
export const checkSchema = (text: string, document: unknown, most: number): readonly Finding[] => {
  const compiled = compiledSchemas(text, () => compileSchema(text));
  if (typeof compiled === 'string') return [{ message: `can't be checked: the schema ${compiled}` }];
  try {
    const { value, comparisons } = jsonValue(document);
    if (compiled.comparesItems && comparisons > MOST_COMPARISONS) {
      return [{ message: "can't be checked: its lists are too long for the schema's uniqueItems" }];
    }
    const first = apply(compiled, value, true, MOST_APPLICATIONS);
    return first.length === 0 ? [] : findingsOf(everyError(compiled, value) ?? first, compiled, value, most);
  } catch (error) {
    return [{ message: `can't be checked: ${whyNot(error)}` }];
  }
};

/** Undefined where that is too much. */
const everyError = (compiled: CompiledSchema, value: unknown): readonly OutputUnit[] | undefined => {
  try {
    return apply(compiled, value, false, MOST_FOR_MORE);
  } catch {
    return undefined;
  }
};

/** @param first end at the first thing that is wrong */
const apply = (
  compiled: CompiledSchema,
  value: unknown,
  first: boolean,
  applications: number,
): readonly OutputUnit[] => {
  compiled.allow(applications);
  return withLinearExpressions(
    compiled.expressions,
    () =>
      validate(value, compiled.root, '2020-12', compiled.lookup as Record<string, CompiledSchema['root']>, first)
        .errors,
  );
};

const whyNot = (error: unknown): string => {
  if (error instanceof Exhausted) return 'the schema asks for too much work';
  // The stack is used up, be it by parts that lead to each other, or by very many errors.
  if (error instanceof RangeError) return 'the schema refers to itself without end, or far too much is wrong';
  return 'the schema can not be applied to it';
};
