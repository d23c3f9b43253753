import { start } from 'chinwag';

const node = await start({ name: 'js', seeds: ['127.0.0.1:7946'], handleSignals: true });
node.on('member-join', (m) => console.log('here  ', m.name, m.addr));
node.on('member-leave', (m) => console.log('left  ', m.name));
node.on('member-failed', (m) => console.log('failed', m.name));
