// Values of messages, as commands and answers have them: a letter and a text.

export function read(bytes = Buffer.from('n')) {
  const [kind, rest] = [String.fromCharCode(bytes[0]), bytes.subarray(1)];
  const text = rest.toString();
  switch (kind) {
    case 'i':
      return BigInt(text);
    case 'f':
      return Number(text);
    case 't':
      return text;
    case 'b':
      return rest;
    default:
      return null;
  }
}

export function written(value) {
  if (value === null) return 'n';
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from('b'), value]);
  if (typeof value === 'string') return `t${value}`;
  return typeof value === 'bigint' || Number.isInteger(value) ? `i${value}` : `f${value}`;
}
