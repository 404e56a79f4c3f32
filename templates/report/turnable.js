// Structures to turn: drawn in a plain canvas as the pictures are, so that a page needs no WebGL
// and nothing that is not in it. Lengths in 0.001 A come in, A are used within.
const FOG = 0.5, BOND = 0.11, FACE = 0.2, VIEWS = {front: [0, 0], side: [90, 0], top: [0, 90]};

const rgb = color => [1, 3, 5].map(k => parseInt(color.slice(k, k + 2), 16));
const mixed = (one, other, share) =>
  `rgb(${rgb(one).map((x, k) => Math.round(x + (rgb(other)[k] - x) * share))})`;
const variable = name => {
  const found = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return found.length === 4 ? "#" + [...found.slice(1)].map(x => x + x).join("") : found;
};

// One frame: balls of all atoms and of ligands in other cells, bonds between balls, cell vectors.
function unpacked(frame, of) {
  const at = of.map((_, k) => frame.at.slice(3 * k, 3 * k + 3).map(x => x / 1000));
  const cell = [0, 3, 6].map(k => frame.cell.slice(k, k + 3).map(x => x / 1000));
  const balls = at.map((place, atom) => ({place, atom})), ghosts = new Map(), bonds = [];
  const ball = (atom, shift) => {
    if (!shift.some(Boolean)) return atom;
    const key = [atom, ...shift].join();
    if (!ghosts.has(key)) {
      ghosts.set(key, balls.length);
      const place = at[atom].map((x, k) => x + shift.reduce((sum, n, v) => sum + n * cell[v][k], 0));
      balls.push({place, atom});
    }
    return ghosts.get(key);
  };
  for (const [i, j, ...shift] of frame.bonds) bonds.push({i, j, shift, ball: ball(j, shift)});
  return {label: frame.label, at, cell, balls, bonds};
}

class Turnable {
  constructor(figure) {
    this.figure = figure;
    figure.turnable = this;
    const data = JSON.parse(figure.querySelector("script").textContent);
    Object.assign(this, data);
    this.frames = data.frames.map(frame => unpacked(frame, data.of));
    this.pair = this.frames.length === 2;
    this.frame = 0; this.yaw = 0; this.pitch = 0; this.zoom = 1; this.tiles = 1;
    this.showCell = true; this.picked = []; this.sprites = new Map(); this.drawn = [];
    const all = this.frames.flatMap(one => one.balls.map(b => b.place));
    this.box = [0, 1, 2].map(k => all.reduce(([low, high], p) =>
      [Math.min(low, p[k]), Math.max(high, p[k])], [Infinity, -Infinity]));
    this.center = this.box.map(([low, high]) => (low + high) / 2);
    const [a, b, height] = this.box.map(([low, high]) => high - low);
    this.across = Math.hypot(a, b) + 2;
    this.high = Math.max(height + 2, this.across);
    this.build();
  }

  build() {
    const make = (tag, content, attributes = {}) => {
      const made = document.createElement(tag);
      made.append(...[].concat(content));
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      return made;
    };
    const button = (text, act, label = text) => {
      const made = make("button", text, {type: "button", "aria-label": label});
      made.addEventListener("click", () => { act(made); this.paint(); });
      return made;
    };
    const caption = this.figure.querySelector("figcaption");
    const alt = this.figure.querySelector("img")?.alt ?? caption.firstChild.textContent;
    this.canvas = make("canvas", [], {tabindex: 0, role: "img", "aria-label":
      `${alt} Drag or press the arrow keys to turn, + and - to zoom; choose two atoms for their distance.`});
    this.said = make("output", []);
    const bar = [
      ...Object.entries(VIEWS).map(([name, angles]) =>
        button(name, () => { [this.yaw, this.pitch] = angles; }, `seen from the ${name}`)),
      button("−", () => { this.zoom /= 1.25; }, "smaller"),
      button("+", () => { this.zoom *= 1.25; }, "larger"),
      button("cell", made => {
        made.setAttribute("aria-pressed", this.showCell = !this.showCell);
      }, "show the cell"),
      button("2 × 2", made => {
        made.setAttribute("aria-pressed", (this.tiles = 3 - this.tiles) === 2);
      }, "repeat the cell in its plane"),
      button("close", () => this.close()),
    ];
    bar[5].setAttribute("aria-pressed", true); bar[6].setAttribute("aria-pressed", false);
    this.element = make("div", [this.canvas, make("div", bar, {class: "bar"})], {class: "turning"});
    if (this.frames.length > 2) this.element.append(this.course(make, button));
    const legend = this.elements.map(([symbol, color]) =>
      make("span", [make("i", [], {style: `background:${color}`}), symbol]));
    this.element.append(make("div", legend, {class: "bar legend"}), this.said);
    caption.before(this.element);
    this.listen();
    new ResizeObserver(() => this.paint()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.sprites.clear(); this.paint();
    });
  }

  course(make, button) {
    const slider = make("input", [], {type: "range", min: 0, max: this.frames.length - 1, value: 0,
      "aria-label": "frame"});
    slider.addEventListener("input", () => { this.frame = +slider.value; this.paint(); });
    let timer = null;
    const play = button("play", made => {
      clearInterval(timer);
      timer = timer === null ? setInterval(() => {
        if (!this.canvas.offsetParent) { play.click(); return; }
        slider.value = this.frame = (this.frame + 1) % this.frames.length;
        this.paint();
      }, 120) : null;
      made.textContent = timer === null ? "play" : "stop";
    });
    return make("div", [play, slider], {class: "bar"});
  }

  open() {
    this.figure.classList.add("turned");
    this.paint();
    this.canvas.focus({preventScroll: true});
  }

  close() {
    this.figure.classList.remove("turned");
    this.figure.querySelector(".turn").focus({preventScroll: true});
  }

  listen() {
    let last = null, moved = 0;
    this.canvas.addEventListener("pointerdown", event => {
      this.canvas.setPointerCapture(event.pointerId);
      last = event; moved = 0;
    });
    this.canvas.addEventListener("pointermove", event => {
      if (!last) return;
      const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
      moved += Math.abs(dx) + Math.abs(dy);
      this.turn(dx / 2, dy / 2);
      last = event;
    });
    const end = event => { if (last && moved < 4) this.pick(event); last = null; };
    this.canvas.addEventListener("pointerup", end);
    this.canvas.addEventListener("pointercancel", () => { last = null; });
    this.canvas.addEventListener("wheel", event => {
      if (document.activeElement !== this.canvas && !event.ctrlKey) return;
      event.preventDefault();
      this.zoom *= Math.exp(-event.deltaY / 500);
      this.paint();
    }, {passive: false});
    const keys = {ArrowLeft: () => this.turn(-5, 0), ArrowRight: () => this.turn(5, 0),
      ArrowUp: () => this.turn(0, -5), ArrowDown: () => this.turn(0, 5),
      "+": () => { this.zoom *= 1.25; }, "-": () => { this.zoom /= 1.25; }, Escape: () => this.close()};
    this.canvas.addEventListener("keydown", event => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      keys[event.key](); this.paint();
    });
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.max(-90, Math.min(90, this.pitch + pitch));
    this.paint();
  }

  // Right, up and towards the viewer, A.
  seen(place) {
    const [x, y, z] = this.screen.map(axis =>
      axis.reduce((sum, a, k) => sum + a * (place[k] - this.center[k]), 0));
    const [cy, sy, cp, sp] = [this.yaw, this.pitch].flatMap(angle =>
      [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)]);
    const across = x * cy + z * sy, out = z * cy - x * sy;
    return [across, y * cp - out * sp, y * sp + out * cp];
  }

  sprite(element, radius, fog) {
    const key = [element, radius, fog].join();
    if (!this.sprites.has(key)) {
      if (this.sprites.size > 500) this.sprites.clear();
      const made = document.createElement("canvas"), size = Math.ceil(radius + 1);
      made.width = made.height = 2 * size;
      const to = made.getContext("2d"), color = this.elements[element][1];
      const shade = (share, light) => {
        const lit = mixed(color, light > 0 ? "#ffffff" : "#000000", Math.abs(light));
        return mixed("#" + lit.match(/\d+/g).map(x => (+x).toString(16).padStart(2, "0")).join(""),
          this.ground, share);
      };
      const light = to.createRadialGradient(size - 0.35 * radius, size - 0.35 * radius, 0.05 * radius,
        size, size, radius);
      light.addColorStop(0, shade(fog, 0.7)); light.addColorStop(0.35, shade(fog, 0.2));
      light.addColorStop(0.8, shade(fog, 0)); light.addColorStop(1, shade(fog, -0.35));
      to.fillStyle = light; to.strokeStyle = shade(fog, -0.5); to.lineWidth = 1;
      to.beginPath(); to.arc(size, size, radius, 0, 2 * Math.PI); to.fill(); to.stroke();
      this.sprites.set(key, made);
    }
    return this.sprites.get(key);
  }

  paint() {
    const ratio = window.devicePixelRatio || 1, {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width) return;
    this.canvas.width = width * ratio; this.canvas.height = height * ratio;
    this.to = this.canvas.getContext("2d");
    this.to.scale(ratio, ratio);
    [this.ground, this.ink, this.muted] = ["--ground", "--ink", "--muted"].map(variable);
    this.drawn = [];
    const shown = this.pair ? this.frames : [this.frames[this.frame]];
    shown.forEach((frame, k) => this.panel(frame, k * width / shown.length, width / shown.length, height));
    this.say();
  }

  panel(frame, left, width, height) {
    const to = this.to, wide = this.tiles * this.across;
    const scale = this.zoom * Math.min((height - 36) / this.high, width / wide);
    const shifts = [];
    for (let a = 0; a < this.tiles; a++) for (let b = 0; b < this.tiles; b++)
      shifts.push([0, 1, 2].map(k => (a + (1 - this.tiles) / 2) * frame.cell[0][k]
        + (b + (1 - this.tiles) / 2) * frame.cell[1][k]));
    const put = place => {
      const [x, y, z] = this.seen(place);
      return [left + width / 2 + scale * x, height / 2 + 8 - scale * y, z];
    };
    const pieces = [], deep = Math.max(this.high, wide);
    const fog = z => FOG * Math.max(0, Math.min(1, 0.5 - z / deep));
    for (const shift of shifts) this.pieces(frame, shift, put, scale, fog, pieces);
    pieces.sort((one, other) => one.z - other.z);
    to.save();
    to.beginPath(); to.rect(left, 0, width, height); to.clip();
    for (const piece of pieces) piece.draw();
    this.above(frame, put, scale);
    to.fillStyle = this.ink; to.font = "13px system-ui, sans-serif"; to.textAlign = "center";
    to.fillText(frame.label, left + width / 2, 15, width - 8);
    to.restore();
  }

  pieces(frame, shift, put, scale, fog, pieces) {
    const to = this.to, at = frame.balls.map(({place}) => put(place.map((x, k) => x + shift[k])));
    frame.balls.forEach(({atom}, k) => {
      const [x, y, z] = at[k], element = this.of[atom], size = this.elements[element][2];
      const radius = Math.max(1, Math.round(4 * scale * size) / 4);
      this.drawn.push({x, y, z, radius, atom, place: frame.balls[k].place.map((p, v) => p + shift[v])});
      pieces.push({z: z + size / 2, draw: () => {
        const image = this.sprite(element, radius, Math.round(fog(z) * 16) / 16);
        to.drawImage(image, x - image.width / 2, y - image.height / 2);
      }});
    });
    const ligands = new Map();
    for (const {i, ball} of frame.bonds) {
      ligands.set(i, [...(ligands.get(i) || []), ball]);
      const middle = at[i].map((x, k) => (x + at[ball][k]) / 2);
      for (const [end, atom] of [[at[i], i], [at[ball], frame.balls[ball].atom]]) {
        const z = (end[2] + middle[2]) / 2, color = this.elements[this.of[atom]][1];
        pieces.push({z, draw: () => this.line(end, middle, 2 * BOND * scale, mixed(color, this.ground, fog(z)))});
      }
    }
    for (const [centre, corners] of ligands) {
      if (corners.length !== 4) continue;
      for (const left of corners) {
        const face = corners.filter(one => one !== left).map(one => at[one]);
        pieces.push({z: (face[0][2] + face[1][2] + face[2][2]) / 3, draw: () => {
          to.globalAlpha = FACE; to.fillStyle = this.elements[this.of[centre]][1];
          to.beginPath(); face.forEach(([x, y], k) => k ? to.lineTo(x, y) : to.moveTo(x, y));
          to.fill(); to.globalAlpha = 1;
        }});
      }
    }
    if (this.showCell) this.edges(frame, shift, put, pieces);
  }

  edges(frame, shift, put, pieces) {
    const corner = bits => frame.cell.reduce((sum, axis, v) =>
      sum.map((x, k) => x + bits[v] * axis[k]), shift);
    const PARTS = 12;
    for (let axis = 0; axis < 3; axis++) for (const one of [0, 1]) for (const other of [0, 1]) {
      const bits = n => { const found = [one, other]; found.splice(axis, 0, n); return found; };
      for (let n = 0; n < PARTS; n++) {
        const [from, end] = [n / PARTS, (n + 1) / PARTS].map(x => put(corner(bits(x))));
        pieces.push({z: (from[2] + end[2]) / 2, draw: () => this.line(from, end, 1, this.muted)});
      }
    }
  }

  // Bonds of the first frame that this one has not, the way of the marked atom, and what is chosen.
  above(frame, put, scale) {
    const to = this.to, first = this.frames[0], here = new Set(frame.bonds.map(({i, j}) => `${i} ${j}`));
    to.setLineDash([2, 3]);
    for (const {i, j, shift} of first.bonds) {
      if (here.has(`${i} ${j}`)) continue;
      const far = frame.at[j].map((x, k) => x + shift.reduce((sum, n, v) => sum + n * frame.cell[v][k], 0));
      this.line(put(frame.at[i]), put(far), 1.5, this.ink);
    }
    to.setLineDash([]);
    if (this.marked !== null) {
      const way = this.frames.map(one => put(one.at[this.marked]));
      way.slice(1).forEach((place, k) => this.line(way[k], place, 1, this.ink));
      to.fillStyle = this.ink;
      for (const [x, y] of way) { to.beginPath(); to.arc(x, y, 2, 0, 2 * Math.PI); to.fill(); }
      this.ring(put(frame.at[this.marked]), scale * this.elements[this.of[this.marked]][2] + 3);
    }
    for (const atom of this.picked)
      this.ring(put(frame.at[atom]), scale * this.elements[this.of[atom]][2] + 3);
  }

  ring([x, y], radius) {
    Object.assign(this.to, {strokeStyle: this.ink, lineWidth: 1.5});
    this.to.beginPath(); this.to.arc(x, y, radius, 0, 2 * Math.PI); this.to.stroke();
  }

  line(from, end, width, color) {
    Object.assign(this.to, {strokeStyle: color, lineWidth: width});
    this.to.beginPath(); this.to.moveTo(from[0], from[1]); this.to.lineTo(end[0], end[1]); this.to.stroke();
  }

  pick(event) {
    const {left, top} = this.canvas.getBoundingClientRect(), x = event.clientX - left, y = event.clientY - top;
    const under = this.drawn.filter(ball => Math.hypot(ball.x - x, ball.y - y) < ball.radius + 2);
    under.sort((one, other) => other.z - one.z);
    if (!under.length) this.picked = [];
    else this.picked = [...this.picked.slice(-1), under[0].atom].filter((a, k, all) => all.indexOf(a) === k);
    this.paint();
  }

  // What is chosen: an atom with its place and how far it has come, or the distance of two.
  say() {
    const name = atom => `${this.elements[this.of[atom]][0]} ${atom + 1}`;
    const apart = (one, other, cell) => {
      let least = Infinity;
      for (const a of [-1, 0, 1]) for (const b of [-1, 0, 1]) for (const c of [-1, 0, 1])
        least = Math.min(least, Math.hypot(...one.map((x, k) =>
          other[k] - x + a * cell[0][k] + b * cell[1][k] + c * cell[2][k])));
      return least.toFixed(2);
    };
    const shown = this.pair ? this.frames : [this.frames[this.frame]], [one, other] = this.picked;
    if (one === undefined) this.said.textContent = "Choose an atom, or two for their distance.";
    else if (other === undefined) {
      const last = shown[shown.length - 1], way = last.at[one].map((x, k) => x - this.frames[0].at[one][k]);
      this.said.textContent = `${name(one)}, ${last.label}: at ${last.at[one].map(x => x.toFixed(2)).join(", ")} Å`
        + (this.frames.length > 1 ? `, ${Math.hypot(...way).toFixed(2)} Å from where it was.` : ".");
    } else this.said.textContent = `${name(one)} to ${name(other)}: `
      + shown.map(frame => `${apart(frame.at[one], frame.at[other], frame.cell)} Å (${frame.label})`).join(", ") + ".";
  }
}

for (const figure of document.querySelectorAll("figure.turnable")) {
  const start = document.createElement("button");
  Object.assign(start, {type: "button", className: "turn", textContent: "Turn in 3D"});
  let made = null;
  start.addEventListener("click", () => { (made ??= new Turnable(figure)).open(); });
  figure.prepend(start);
}
