// A phone in a page: JsSIP with its defaults, and one key for each thing that a person does.
import JsSIP from 'jssip';

const AUDIO = { mediaConstraints: { audio: true, video: false } };
const speaker = new Audio();
let agent, session;

// What the other says is played: sound that nobody plays is not decoded.
function listen() {
  speaker.srcObject = new MediaStream(session.connection.getReceivers().map((receiver) => receiver.track));
  speaker.play();
}

window.phone = {
  register({ server, uri, secret }) {
    const sockets = [new JsSIP.WebSocketInterface(server)];
    agent = new JsSIP.UA({ sockets, uri, password: secret });
    agent.on('newRTCSession', (event) => {
      session = event.session;
      session.on('confirmed', listen);
    });
    // Without anybody who reads them, JsSIP refuses texts with 405.
    agent.on('newMessage', () => {});
    agent.start();
  },
  call({ uri }) { agent.call(uri, AUDIO); },
  answer() { session.answer(AUDIO); },
  hangUp() { session.terminate(); },
  message({ uri, text }) { agent.sendMessage(uri, text); },
  // What came by RTP so far: packets, and the energy of the sound in them.
  async heard() {
    let packets = 0, energy = 0;
    for (const report of (await session.connection.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'audio') {
        packets += report.packetsReceived;
        energy += report.totalAudioEnergy ?? 0;
      }
    }
    return { packets, energy };
  },
};
