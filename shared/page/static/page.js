"use strict";
// Shows times in the reader's zone, says what changed since the last look, and keeps the page fresh.
const exact = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit"});
const thisYear = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", hour: "numeric", minute: "2-digit"});
const near = new Intl.DateTimeFormat(undefined, {timeStyle: "short"});
const localise = (root) => {
  const now = new Date();
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const sameYear = at.getFullYear() === now.getFullYear();
    const isToday = at.toDateString() === now.toDateString();
    time.title = exact.format(at);
    time.textContent = isToday ? `today, ${near.format(at)}` : (sameYear ? thisYear : exact).format(at);
  }
};

const since = () => {
  const shown = document.getElementById("since");
  const key = "last look";
  let last;
  try {
    last = sessionStorage.getItem(key) ?? localStorage.getItem(key);
    sessionStorage.setItem(key, last ?? "");
    localStorage.setItem(key, new Date().toISOString());
  } catch {
    return; // storage is forbidden
  }
  if (!shown || !last) return;
  const listed = [...document.querySelectorAll("[data-run]")];
  const runs = listed.filter((run) => Date.parse(run.dataset.run) > Date.parse(last));
  const atLeast = runs.length === listed.length && document.querySelector("[data-more]") ? "at least " : "";
  const sum = (name) => runs.reduce((total, run) => total + Number(run.dataset[name]), 0);
  const time = document.createElement("time");
  time.dateTime = last;
  const count = (number, one, many) => `${number.toLocaleString()} ${number === 1 ? one : many}`;
  const told = runs.length
    ? `: ${atLeast}${count(runs.length, "sync", "syncs")}, ${count(sum("indexed"), "file", "files")} indexed, ` +
      `${count(sum("deleted"), "document", "documents")} deleted, ${sum("cost").toFixed(2)} USD.`
    : ": nothing new.";
  shown.replaceChildren("Since your last look, ", time, told);
  shown.hidden = false;
  localise(shown);
};

const replace = (html) => {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old || old.contains(document.activeElement)) continue;
    for (const open of old.querySelectorAll("details[open]")) {
      const same = part.querySelector(`#${open.id}`);
      if (same) same.open = true;
    }
    localise(part);
    old.replaceWith(document.adoptNode(part));
  }
  if (fresh.title) document.title = fresh.title;
};

const live = () => document.getElementById("live");
const HOUR = 3600e3;
const RELOADS = 3; // in an hour, since each reads more documents than a look
let looked = Date.now();
let reloads = [];
let busy = false;
let shown = live()?.dataset.key;
let behind = false; // whether a sync began or ended since the page was loaded
const got = async (address) => {
  const answer = await fetch(address, {headers: {Accept: "text/html"}, cache: "no-store"});
  if (!answer.ok) throw new Error(answer.status);
  replace(await answer.text());
};
const look = async () => {
  if (document.hidden || busy) return;
  const wait = Number(live().dataset.seconds) * 1e3;
  if (Date.now() - looked < wait - 50) return;
  busy = true;
  looked = Date.now();
  const title = document.getElementById("headline").textContent;
  try {
    await got("/page/live");
    reloads = reloads.filter((at) => Date.now() - at < HOUR);
    const key = live().dataset.key; // empty while a sync has found nothing to do
    if (key && key !== shown) behind = true;
    if (behind && reloads.length < RELOADS) {
      reloads.push(Date.now());
      behind = false;
      shown = key || shown;
      await got("/page/latest");
      const now = document.getElementById("headline").textContent;
      if (now !== title) document.getElementById("said").textContent = now;
    }
  } catch {
    // The next look may succeed; meanwhile the page shows when its figures were counted.
  } finally {
    busy = false;
  }
};
const form = document.querySelector("form[method=post]");
if (form) {
  const button = form.querySelector("button");
  const said = button.textContent;
  form.addEventListener("submit", () => {
    button.disabled = true; // since a question that is sent twice is paid for twice
    button.textContent = "Asking …";
  });
  addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = said;
  });
}
localise(document);
for (const zone of document.querySelectorAll("[data-zone]")) {
  zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
since();
if (live()) {
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);
}
