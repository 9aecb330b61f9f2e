"""A phone of PJSIP (pjsua2-python), driven by the harness: orders come as JSON lines on standard input,
what happens goes as JSON lines to standard output.

    {"order": 7, "do": "dial", "uri": "sip:bert@ruf.test"}  ->  {"done": 7} or {"failed": 7, "why": "..."}

Everything runs in one thread, which looks at standard input and at PJSIP's events in turn: no callback
comes while an order is carried out. The first argument is the file of settings, as `src/phone/pjsip.rs`
writes it. Every SIP message is in the file of the log.
"""

import ctypes
import json
import os
import select
import sys

import pjsua2 as pj

# Between two looks at standard input, in milliseconds: how long PJSIP may wait for the network.
TURN_MS = 10
TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}


def tell(**event):
    print(json.dumps(event), flush=True)


class Call(pj.Call):
    def __init__(self, phone, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.recorder = None
        phone.calls.append(self)

    def onCallState(self, prm):
        info = self.getInfo()
        tell(event="call", state=info.stateText, status=info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            # A file is whole when it is closed.
            self.recorder = None
            self.phone.over.append(self)

    def onCallMediaState(self, prm):
        # Kept, or its list of media would be freed before it is read.
        info = self.getInfo()
        # On hold the stream stays, and whoever holds must not speak into it.
        for number, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.phone.microphone.startTransmit(self.getAudioMedia(number))
                self.record(self.getAudioMedia(number))
            elif media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD:
                self.phone.microphone.stopTransmit(self.getAudioMedia(number))

    def record(self, media):
        if self.phone.recordings is None:
            return
        if self.recorder is None:
            self.phone.recorded += 1
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(f"{self.phone.recordings}-{self.phone.recorded}.wav")
        media.startTransmit(self.recorder)

    def onInstantMessage(self, prm):
        tell(event="text", text=prm.msgBody)

    def onDtmfDigit(self, prm):
        tell(event="key", key=prm.digit)

    def onCallTransferRequest(self, prm):
        prm.newCall = Call(self.phone)

    def onCallReplaceRequest(self, prm):
        prm.newCall = Call(self.phone)

    def onCallTransferStatus(self, prm):
        tell(event="transfer", status=prm.statusCode)
        if prm.finalNotify and prm.statusCode // 100 == 2:
            self.phone.leaving.append(self)


class Account(pj.Account):
    def __init__(self, phone):
        super().__init__()
        self.phone = phone

    def onRegState(self, prm):
        tell(event="register", status=prm.code, reason=prm.reason)

    def onInstantMessage(self, prm):
        tell(event="text", text=prm.msgBody)

    def onIncomingCall(self, prm):
        call = Call(self.phone, prm.callId)
        ringing = pj.CallOpParam()
        ringing.statusCode = pj.PJSIP_SC_RINGING
        call.answer(ringing)


class Seen(pj.Buddy):
    def onBuddyState(self):
        # Kept, or what it points to would be freed before it is read.
        info = self.getInfo()
        status = info.presStatus
        activity = "busy" if status.activity == pj.PJRPID_ACTIVITY_BUSY else "other"
        tell(event="seen", status=status.statusText, activity=activity, note=status.note)


class Phone:
    def __init__(self, settings):
        self.libc = ctypes.CDLL(None)
        self.calls = []
        # Calls to be forgotten, and to be hung up, outside of the callback that says so.
        self.over = []
        self.leaving = []
        self.recordings = settings["recordings"]
        self.recorded = 0
        # Whom it watches.
        self.seen = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(endpoint_config(settings))
        transport = self.endpoint.transportCreate(
            TRANSPORTS[settings["transport"]], transport_config(settings)
        )
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            # "PCMU/8000/1"
            name, wanted = codec.codecId.split("/")[0], settings["codecs"]
            priority = 255 - wanted.index(name) if name in wanted else 0
            self.endpoint.codecSetPriority(codec.codecId, priority)
        self.microphone = pj.AudioMediaPlayer()
        self.microphone.createPlayer(settings["microphone"])
        self.account = Account(self)
        self.account.create(account_config(settings, transport))

    def turn(self):
        self.endpoint.libHandleEvents(TURN_MS)
        # The harness reads the log as it grows; PJSIP leaves it in the buffer of the C library.
        self.libc.fflush(None)
        for call in self.leaving:
            call.hangup(pj.CallOpParam())
        self.leaving.clear()
        for call in self.over:
            self.calls.remove(call)
        self.over.clear()

    def write(self, uri, text):
        config = pj.BuddyConfig()
        config.uri = uri
        buddy = pj.Buddy()
        buddy.create(self.account, config)
        param = pj.SendInstantMessageParam()
        param.content = text
        buddy.sendInstantMessage(param)

    def show(self, is_online):
        status = pj.PresenceStatus()
        status.status = pj.PJSUA_BUDDY_STATUS_ONLINE if is_online else pj.PJSUA_BUDDY_STATUS_OFFLINE
        self.account.setOnlineStatus(status)

    def see(self, uri):
        config = pj.BuddyConfig()
        config.uri = uri
        config.subscribe = True
        self.seen = Seen()
        self.seen.create(self.account, config)

    def obey(self, order):
        what = order["do"]
        if what == "dial":
            return Call(self).makeCall(order["uri"], pj.CallOpParam(True))
        if what == "write":
            return self.write(order["uri"], order["text"])
        if what == "show":
            return self.show(order["uri"] == "online")
        if what == "see":
            return self.see(order["uri"])
        if not self.calls:
            raise RuntimeError("there is no call")
        call, param = self.calls[-1], pj.CallOpParam()
        if what == "answer":
            param.statusCode = pj.PJSIP_SC_OK
            call.answer(param)
        elif what == "hold":
            call.setHold(param)
        elif what == "resume":
            unheld = pj.CallOpParam(True)
            unheld.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(unheld)
        elif what == "transfer":
            call.xfer(order["uri"], param)
        elif what == "connect":
            self.calls[0].xferReplaces(call, param)
        elif what == "press":
            call.dialDtmf(order["uri"])
        elif what == "hang up":
            call.hangup(param)
        else:
            raise RuntimeError(f"no such order: {what}")


def endpoint_config(settings):
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    if settings["turn"]:
        config.uaConfig.stunServer.append(settings["turn"])
    config.logConfig.level = 5
    config.logConfig.consoleLevel = 0
    config.logConfig.msgLogging = 1
    config.logConfig.filename = settings["log"]
    config.medConfig.clockRate = 8000
    config.medConfig.sndClockRate = 8000
    config.medConfig.ecTailLen = 0
    # A steady tone is background noise to its detector of speech.
    config.medConfig.noVad = True
    return config


def transport_config(settings):
    config = pj.TransportConfig()
    config.boundAddress = settings["ip"]
    config.port = settings["port"]
    if settings["transport"] == "tls":
        config.tlsConfig.CaListFile = settings["ca"]
        config.tlsConfig.verifyServer = True
        if settings["certificate"]:
            config.tlsConfig.certFile = settings["certificate"]
            config.tlsConfig.privKeyFile = settings["key"]
        config.tlsConfig.method = pj.PJSIP_TLSV1_2_METHOD
    return config


def account_config(settings, transport):
    config = pj.AccountConfig()
    config.idUri = settings["uri"]
    config.regConfig.registrarUri = settings["registrar"] or ""
    config.regConfig.timeoutSec = settings["register_secs"]
    config.regConfig.retryIntervalSec = 0
    config.sipConfig.transportId = transport
    if settings["proxy"]:
        config.sipConfig.proxies.append(settings["proxy"])
    config.sipConfig.authCreds.append(
        pj.AuthCredInfo("digest", "*", settings["user"], pj.PJSIP_CRED_DATA_PLAIN_PASSWD, settings["secret"])
    )
    if settings["encrypts"]:
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
        config.mediaConfig.srtpSecureSignaling = 0
    config.natConfig.iceEnabled = settings["ice"]
    if settings["turn"]:
        config.natConfig.sipStunUse = pj.PJSUA_STUN_USE_DISABLED
        config.natConfig.turnEnabled = True
        config.natConfig.turnServer = settings["turn"]
        config.natConfig.turnUserName = settings["user"]
        config.natConfig.turnPassword = settings["secret"]
    config.mediaConfig.transportConfig.boundAddress = settings["ip"]
    config.mediaConfig.transportConfig.port = settings["rtp_first"]
    config.mediaConfig.transportConfig.portRange = settings["rtp_count"]
    return config


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        phone = Phone(json.load(file))
    tell(event="started")
    unread = b""
    while True:
        phone.turn()
        if not select.select([0], [], [], 0)[0]:
            continue
        octets = os.read(0, 4096)
        if not octets:
            return
        *lines, unread = (unread + octets).split(b"\n")
        for line in lines:
            order = json.loads(line)
            try:
                phone.obey(order)
                tell(done=order["order"])
            except (pj.Error, RuntimeError) as error:
                tell(failed=order["order"], why=error.info() if isinstance(error, pj.Error) else str(error))


if __name__ == "__main__":
    main()
    # PJSIP takes seconds to say goodbye to everybody; the harness has seen what it wanted.
    os._exit(0)
