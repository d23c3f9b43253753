// What `node --test` says of these tests: what failed, with why, and how many there were. The
// built-in reporters put a failure between hundreds of tests that passed, where the end of a log
// does not show it.

import { inspect } from 'node:util'

export default async function* report(events) {
  const counted = { passed: 0, failed: 0, left: 0 }
  for await (const { type, data } of events) {
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message
    if (isOfItsOwn(data)) {
      if (type === 'test:fail') yield failure(data)
      if (type === 'test:fail') counted.failed += 1
      else if (type === 'test:pass') counted[data.skip === undefined ? 'passed' : 'left'] += 1
    }
  }
  yield `${counted.passed} passed, ${counted.failed} failed, ${counted.left} left out\n`
}

// A suite, or a file, that failed by what it holds says nothing that its tests have not said.
function isOfItsOwn(data) {
  return data.details?.type !== 'suite' && data.details?.error?.failureType !== 'subtestsFailed'
}

function failure({ name, file, line, details }) {
  const cause = details.error?.cause ?? details.error
  const took = (details.duration_ms / 1000).toFixed(1)
  return `FAIL ${name} (${file}:${line}, ${took} s)\n${inspect(cause)}\n`
}
