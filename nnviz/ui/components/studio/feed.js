// What moves, from the server to this page by a route of its own (nnviz/ui/live): a WebSocket, or a question a second
// where nothing lets one through.

const AGAIN_MS = [300, 600, 1200, 2500, 5000]; // after so long a lost connection is tried anew
const ASK_EVERY_MS = 1000;
const HOPELESS = 3; // so many tries without an answer: a proxy lets none through

class Feed {
  // `take` is given what comes: ("picture", bytes) or (a word, its value); `lost` whether the connection is cut.
  constructor(path, once, take, lost) {
    [this.path, this.once, this.take, this.lost] = [path, once, take, lost];
    this.number = 0;
    this.failed = 0;
    this.over = new AbortController();
    this.open();
  }

  leave() {
    this.over.abort();
    clearTimeout(this.timer);
    this.socket?.close();
  }

  wish(wanted) {
    this.wanted = wanted;
    this.number += 1;
    this.seen = "";
    this.send({ wish: wanted, number: this.number });
  }

  drawn() {
    this.send({ drawn: true });
  }

  pick(asked) {
    const question = { pick: { ...asked, wish: { ...this.wanted, drawing: undefined } } };
    if (this.isOpen()) this.send(question);
    else this.ask(question).then((answer) => answer && this.told(answer));
  }

  isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.isOpen()) this.socket.send(JSON.stringify(message));
  }

  open() {
    const { signal } = this.over;
    const address = new URL(this.path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let opened = false;
    const on = (name, act) => socket.addEventListener(name, act, { signal });
    on("open", () => {
      opened = true;
      this.failed = 0;
      this.lost(false);
      if (this.wanted) this.send({ wish: this.wanted, number: this.number });
    });
    on("message", ({ data }) => (typeof data === "string" ? this.told(JSON.parse(data)) : this.shown(data)));
    on("close", () => {
      this.failed += 1;
      if (opened || this.failed > 1) this.lost(true);
      if (this.failed >= HOPELESS) this.askOn();
      this.timer = setTimeout(() => this.open(), AGAIN_MS[Math.min(this.failed, AGAIN_MS.length) - 1]);
    });
  }

  told(message) {
    for (const [word, value] of Object.entries(message)) this.take(word, value);
  }

  shown(data) {
    const { number, message } = opened(data);
    if (number === this.number) this.take("picture", message);
    else this.drawn(); // of what was wished for before: the next one, please
  }

  // --- without a WebSocket

  async askOn() {
    if (this.asking) return;
    this.asking = true;
    while (!this.isOpen() && !this.over.signal.aborted) {
      if (this.wanted && !document.hidden) {
        const { wanted: wish, number, seen } = this;
        const picture = await this.ask({ wish, number, seen });
        if (picture instanceof ArrayBuffer) this.shown(picture);
        else if (picture) this.told(picture);
        const far = wish.run && (await this.ask({ wish, progress: true }));
        if (far) this.told(far);
      }
      await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
    }
    this.asking = false;
  }

  // A picture, an object, or null where there is nothing new or nobody answers.
  async ask(question) {
    try {
      const { signal } = this.over;
      const answer = await fetch(this.once, { method: "POST", body: JSON.stringify(question), signal });
      if (answer.status !== 200) return null;
      this.lost(false);
      if (answer.headers.get("Content-Type")?.startsWith("application/json")) return await answer.json();
      this.seen = answer.headers.get("X-Seen") ?? "";
      return await answer.arrayBuffer();
    } catch {
      return null;
    }
  }
}
