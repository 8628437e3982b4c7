/** The formats of documents that a key can hold, and the notation of places in them. */

export const DOCUMENT_FORMATS = ['YAML', 'JSON', 'TOML', 'Properties', 'Dotenv', 'INI'] as const;
export type DocumentFormatName = (typeof DOCUMENT_FORMATS)[number];

/** A JSON Pointer (RFC 6901) whose tokens may be `*` or `**`; `~2` is a `*` that stands for itself. */
export const PATH_PATTERN = /^(\/([^~/*]|~[012])*|\/\*\*?)+$/;
