/** What a policy demands of content, and what was found wrong with it. The checks are in src/documents. */

import type { DocumentFormatName } from '../api/v1alpha1/documents.ts';

export type ContentFormat =
  DocumentFormatName | 'Pattern' | 'Number' | 'Duration' | 'Quantity' | 'Enum' | 'URL' | 'PEM';

/** One entry of `spec.validation`. */
export interface Validation {
  readonly keys: readonly string[];
  readonly required?: boolean;
  readonly format?: ContentFormat;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly values?: readonly string[];
  /** JSON Schema 2020-12, as JSON or YAML. */
  readonly schema?: string;
  readonly maxBytes?: number;
}

/** One thing that is wrong. No part of it carries content. */
export interface Problem {
  readonly key: string;
  /** A JSON Pointer into the document; absent: the key as a whole. */
  readonly path?: string;
  /** Which entry of `spec.validation`, from 1. */
  readonly rule: number;
  /** Completes "app.yaml at /port ...": `must be at most 65535 (schema: maximum)`. */
  readonly message: string;
}
