/** Content as text; undefined where it is no UTF-8. */
export const textOf = (content: string | Uint8Array): string | undefined => {
  if (typeof content === 'string') return content;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
};
