// Play on hover, keys, seek, upload progress. The page works without this script.
"use strict";

// where a proxy shows the service
const { root } = document.documentElement.dataset;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

for (const card of document.querySelectorAll(".card")) {
  const video = card.querySelector("video");
  if (!video) continue;
  let other = video.dataset.other;
  // a browser may not play the file; perhaps the service has made another of it
  video.addEventListener("error", () => {
    if (!other) return card.classList.add("unplayed");
    video.src = other;
    other = "";
    video.play().catch(() => {});
  });
  const play = () => {
    if (calm.matches) return;
    if (!video.src) video.src = video.dataset.src;
    video.play().catch(() => {});
  };
  const pause = () => video.pause();
  card.addEventListener("mouseenter", play);
  card.addEventListener("mouseleave", pause);
  card.addEventListener("focusin", play);
  card.addEventListener("focusout", pause);
}

// a file that videos are to be like: chosen, or dropped on the page
const byFile = document.querySelector(".by-file");
if (byFile) {
  const input = byFile.elements.file;
  const label = byFile.querySelector("label");
  const send = () => {
    if (!input.files.length) return;
    label.textContent = `Looking at ${input.files[0].name.slice(0, 40)} …`;
    byFile.submit();
  };
  input.addEventListener("change", send);
  const hasFile = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files") && !event.target.matches("input[type=file]");
  document.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!hasFile(event)) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    send();
  });
  // a page that the browser kept would still say that it looks at a file
  const usual = label.textContent;
  window.addEventListener("pageshow", () => { label.textContent = usual; byFile.reset(); });
}

const shownTitles = () => [...document.querySelectorAll(".card h2 a")].filter((link) => link.offsetParent);
const field = document.getElementById("q");

function besideOf(titles, link, key) {
  const place = titles.indexOf(link);
  if (key === "ArrowRight") return titles[place + 1];
  if (key === "ArrowLeft") return titles[place - 1];
  const here = link.getBoundingClientRect();
  const down = key === "ArrowDown";
  const others = down ? titles.slice(place + 1) : titles.slice(0, place).reverse();
  return others.find((other) => {
    const box = other.getBoundingClientRect();
    return Math.abs(box.left - here.left) < 20 && (down ? box.top > here.top : box.top < here.top);
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const writing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "/" && !writing && field) {
    event.preventDefault();
    field.select();
    field.focus();
  } else if (event.key === "?" && !writing && keys) {
    event.preventDefault();
    keys.showModal();
  } else if (event.key === "x" && !writing) {
    const box = event.target.closest(".card")?.querySelector(".choose input");
    if (box) box.click();
  } else if ((event.key === "n" || event.key === "p") && !writing && player) {
    step(event.key === "n" ? 1 : -1);
  } else if (event.key === "Escape" && keys && keys.open) {
    return;
  } else if (event.key === "Escape" && event.target === field) {
    field.blur();
  } else if (event.key === "Escape" && document.querySelector(".player") && history.length > 1) {
    history.back();
  } else if (event.key.startsWith("Arrow")) {
    const titles = shownTitles();
    const first = event.target === field && event.key === "ArrowDown" ? titles[0] : undefined;
    const next = titles.includes(event.target) ? besideOf(titles, event.target, event.key) : first;
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

const player = document.querySelector(".player");
const unplayable = document.getElementById("unplayable");
if (player && unplayable) {
  const say = () => { unplayable.hidden = false; };
  player.addEventListener("error", say);
  // some browsers play the sound of pictures that they cannot show
  player.addEventListener("loadedmetadata", () => player.videoWidth || say());
  if (player.error) say();
}

async function prepared(place) {
  const line = place.querySelector("[role=status]");
  for (;;) {
    const answer = await fetch(`${root}/api/v1/playback/${place.dataset.playback}`).catch(() => null);
    const now = answer ? await answer.json().catch(() => ({})) : {};
    if (now.url) {
      // a browser may refuse to play by itself, and would load nothing then
      player.preload = "auto";
      player.src = now.url + place.dataset.start;
      player.hidden = false;
      place.remove();
      return player.play().catch(() => {});
    }
    if (answer && !answer.ok && now.problem && answer.status !== 429 && answer.status !== 409) { line.textContent = `${now.problem}: ${now.mend}`; return; }
    if (now.state === "failed") return location.reload();
    const share = place.querySelector(".share");
    if (share && now.share) share.textContent = `: ${Math.round(100 * now.share)} %`;
    await new Promise((done) => setTimeout(done, 1000));
  }
}

const place = document.querySelector(".preparing");
if (place && place.querySelector(".share")) prepared(place);

function seek(seconds) {
  if (!player.getAttribute("src")) return false;
  player.currentTime = seconds;
  player.play().catch(() => {});
  return true;
}

for (const link of document.querySelectorAll("[data-seek]")) {
  link.addEventListener("click", (event) => {
    if (player && seek(Number(link.dataset.seek))) event.preventDefault();
  });
}

// the best places of a longer video, in order of time
const spots = player ? [...document.querySelectorAll(".places a")] : [];
const starts = spots.map((link) => Number(link.dataset.seek)).sort((one, other) => one - other);

function step(by) {
  const now = player.currentTime;
  const next = by > 0 ? starts.find((start) => start > now + 0.3) : starts.findLast((start) => start < now - 1);
  if (next !== undefined) seek(next);
}

const stripes = player ? [...document.querySelectorAll(".strip a")] : [];
if (player) {
  player.addEventListener("timeupdate", () => {
    for (const links of [stripes, spots]) {
      const past = links.filter((link) => Number(link.dataset.seek) <= player.currentTime + 0.05);
      const at = past.reduce((last, link) => (last && Number(last.dataset.seek) > Number(link.dataset.seek) ? last : link), null);
      for (const link of links) link.classList.toggle("now", link === at);
    }
  });
}

const keys = document.getElementById("keys");
for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => keys.showModal());
}

// what is chosen stays chosen from page to page of a search, in this tab alone
const choosing = document.querySelector("form.choosing");

function choose(form) {
  const kept = `chosen ${location.pathname} ${["video", "q"].map((name) => new URLSearchParams(location.search).get(name) || "")}`;
  const boxes = [...form.querySelectorAll(".choose input")];
  const here = new Set(boxes.map((box) => box.value));
  let elsewhere = [];
  try {
    const ids = JSON.parse(sessionStorage.getItem(kept)) || [];
    for (const box of boxes) box.checked = box.checked || ids.includes(box.value);
    elsewhere = ids.filter((id) => !here.has(id));
  } catch {
    // the browser keeps nothing
  }
  const all = form.querySelector("[data-choose-all]");
  all.hidden = false;
  all.addEventListener("click", () => {
    for (const box of boxes) box.checked = box.checked || box.checkVisibility();
    count();
  });
  form.addEventListener("change", count);
  form.addEventListener("reset", () => {
    elsewhere = [];
    setTimeout(() => {
      for (const box of boxes) box.checked = false;
      count();
    });
  });

  function count() {
    const ids = [...elsewhere, ...boxes.filter((box) => box.checked).map((box) => box.value)];
    form.querySelector(".chosen-count").textContent = ids.length ? `${ids.length} chosen` : "";
    for (const input of form.querySelectorAll(".elsewhere")) input.remove();
    for (const id of elsewhere) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: "id", value: id, className: "elsewhere" });
      form.append(input);
    }
    try {
      sessionStorage.setItem(kept, JSON.stringify(ids));
    } catch {
      // the browser keeps nothing
    }
  }
  count();
}

if (choosing) choose(choosing);

// searches of this browser, kept in the browser alone
const RECENT = "recent searches";

function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT));
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string") : [];
  } catch {
    return [];
  }
}

function keep(texts) {
  try {
    localStorage.setItem(RECENT, JSON.stringify(texts));
  } catch {
    // the browser keeps nothing
  }
}

const asked = field && document.querySelector("ol.grid .card") ? field.value.trim() : "";
if (asked) keep([asked, ...recent().filter((text) => text !== asked)].slice(0, 8));

const list = document.getElementById("recent");
if (list && recent().length) {
  for (const text of recent()) {
    const link = document.createElement("a");
    link.className = "chip";
    link.href = `${root}/?q=${encodeURIComponent(text)}`;
    link.textContent = text;
    list.append(link, " ");
  }
  const clear = document.createElement("button");
  clear.className = "plain";
  clear.textContent = "Forget";
  clear.addEventListener("click", () => { keep([]); list.hidden = true; });
  list.append(clear);
  list.hidden = false;
}

for (const form of document.querySelectorAll("[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}

// empty fields would make addresses long
for (const form of document.querySelectorAll("form.search, form.fields")) {
  form.addEventListener("submit", () => {
    for (const input of form.elements) {
      input.disabled = input.disabled || (input.name && input.name !== "q" && !input.value);
    }
  });
}
addEventListener("pageshow", () => {
  for (const input of document.querySelectorAll("form [disabled]")) input.disabled = false;
});

const progress = document.getElementById("progress");

function show(text, value, wrong) {
  const line = document.createElement("p");
  line.textContent = text;
  if (wrong) line.className = "wrong";
  progress.replaceChildren(line);
  if (value !== undefined) {
    const bar = document.createElement("progress");
    bar.max = 1;
    if (value !== null) bar.value = value;
    bar.setAttribute("aria-label", text);
    progress.append(bar);
  }
  return line;
}

async function follow(job) {
  for (;;) {
    const answer = await fetch(`${root}/api/uploads/${job}`);
    const now = await answer.json();
    if (!answer.ok) return show(`${now.problem}: ${now.mend}`, undefined, true);
    if (now.state === "failed") return show(now.problem, undefined, true);
    if (now.state === "done") {
      const link = document.createElement("a");
      link.href = `${root}/video?id=${encodeURIComponent(now.video)}`;
      link.textContent = "Open the video";
      return show("The video is indexed. ").append(link);
    }
    show(now.state === "waiting" ? "Waiting to be indexed" : "Being indexed", now.total ? now.done / now.total : null);
    await new Promise((done) => setTimeout(done, 500));
  }
}

if (progress && progress.dataset.job) follow(progress.dataset.job);

const upload = document.querySelector("form.upload");
if (upload) {
  upload.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = upload.elements.file.files[0];
    const request = new XMLHttpRequest();
    request.open("POST", `${root}/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (sent) => show(`Sending ${file.name}`, sent.loaded / sent.total));
    request.addEventListener("error", () => show("The connection was lost: try again", undefined, true));
    request.addEventListener("load", () => {
      const now = JSON.parse(request.responseText);
      if (request.status === 202) follow(now.id);
      else show(`${now.problem}: ${now.mend}`, undefined, true);
    });
    request.send(file);
  });
}
