// Reruns the part of the page it stands in when the drawing on a canvas has changed and the pen has rested for a moment.
// So that part follows the drawing without asking the server again and again, and never stands in a stroke's way.

const RESTED_MS = 250;

export default function (component) {
  return mount(
    component,
    () => new Follower(),
    (follower, message) => {
      follower.tell = (state) => component.setTriggerValue("rested", state);
      follower.receive(message);
    },
  );
}

class Follower {
  constructor() {
    this.now = null; // the drawing's state, as it was last announced
    this.told = null;
    this.listening = new AbortController();
    document.addEventListener("nnviz-drawing", (event) => this.hear(event.detail), { signal: this.listening.signal });
  }

  receive({ key, seen }) {
    this.key = key;
    this.seen = seen;
    this.wait();
  }

  hear({ key, state }) {
    if (key !== this.key) return;
    this.now = state;
    this.wait();
  }

  // What was told once is not told again: a server that can't follow isn't asked forever.
  wait() {
    clearTimeout(this.timer);
    if (this.now === null || this.now === this.seen || this.now === this.told) return;
    this.timer = setTimeout(() => {
      this.told = this.now;
      this.tell(this.now);
    }, RESTED_MS);
  }

  leave() {
    clearTimeout(this.timer);
    this.listening.abort();
  }
}
