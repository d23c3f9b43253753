// The same package, required from CommonJS. Checked by tsc, never run.

import chinwag = require('chinwag');

export async function program(): Promise<string> {
  const node: chinwag.Node = await chinwag.start({ name: 'a' });
  try {
    node.on('member-update', (member, { previous }) => console.log(member.tags, previous.tags));
    return node.localMember().addr;
  } finally {
    await node.close();
  }
}

export const retryable: boolean = chinwag.ERRORS['timeout']?.retryable ?? false;

// @ts-expect-error there is no default export
export type Nothing = typeof chinwag.default;
