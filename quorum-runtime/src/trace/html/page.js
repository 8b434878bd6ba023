(() => {
  'use strict';
  const form = document.querySelector('form');
  const output = form.querySelector('output');
  const says = document.querySelector('.says');
  const main = document.querySelector('main');
  const heads = [...document.querySelectorAll('.heads button')];
  const parts = [...main.querySelectorAll('svg g')].filter((g) => g.querySelector('title')).map((g) => {
    const title = g.querySelector('title');
    const text = title.textContent;
    title.remove(); // What is said is shown by this page, and not a second time by the browser.
    const { c, n, m } = g.dataset;
    return { g, text, found: text.toLowerCase(), call: c, columns: n ? n.split(' ') : null, method: m };
  });
  const byElement = new Map(parts.map((part) => [part.g, part]));
  const byCall = new Map();
  for (const part of parts) {
    if (part.call !== undefined) {
      byCall.set(part.call, [...(byCall.get(part.call) ?? []), part]);
    }
  }
  let followed = null; // The number of a call.
  let hits = [];
  let hit = -1;

  const chosen = () => new Set(heads.filter((head) => head.ariaPressed === 'true').map((head) => head.dataset.column));

  const isShown = (part, columns, method, fate) =>
    (columns.size === 0 || part.columns === null || part.columns.some((column) => columns.has(column))) &&
    (method === '' || part.method === undefined || part.method === method) &&
    (fate === '' || !part.g.classList.contains('m') || part.g.classList.contains(fate));

  const update = () => {
    const columns = chosen();
    const { method, fate, text } = form.elements;
    const wanted = text.value.trim().toLowerCase();
    hits = [];
    for (const part of parts) {
      const shown = isShown(part, columns, method.value, fate.value);
      const isHit = shown && wanted !== '' && part.found.includes(wanted);
      const isFollowed = followed !== null && part.call === followed;
      const isOther = wanted !== '' || (followed !== null && part.call !== undefined);
      part.g.classList.toggle('off', !shown);
      part.g.classList.toggle('dim', isOther && !isHit && !isFollowed);
      part.g.classList.toggle('lit', isHit || isFollowed);
      part.g.classList.remove('here');
      if (isHit) hits.push(part);
    }
    hit = -1;
    output.textContent = wanted === '' ? '' : `${hits.length} found`;
  };

  const go = (way) => {
    if (hits.length === 0) return;
    if (hit >= 0) hits[hit].g.classList.remove('here');
    hit = (hit + way + hits.length + (hit < 0 && way < 0 ? 1 : 0)) % hits.length;
    const { g } = hits[hit];
    g.classList.add('here');
    show(g);
    output.textContent = `${hit + 1} of ${hits.length}`;
  };

  const show = (g) => g.scrollIntoView({ block: 'center', inline: 'nearest' });

  const partAt = (target) => byElement.get(target.closest?.('g'));

  main.addEventListener('mousemove', (event) => {
    const part = partAt(event.target);
    says.hidden = !part;
    if (!part) return;
    says.textContent = part.text;
    const left = Math.min(event.clientX + 14, innerWidth - says.offsetWidth - 8);
    const below = event.clientY + 16;
    const top = below + says.offsetHeight < innerHeight ? below : event.clientY - says.offsetHeight - 10;
    says.style.left = `${Math.max(4, left)}px`;
    says.style.top = `${Math.max(4, top)}px`;
  });
  main.addEventListener('mouseleave', () => { says.hidden = true; });
  main.addEventListener('mouseover', (event) => {
    const part = partAt(event.target);
    for (const old of main.querySelectorAll('.near')) old.classList.remove('near');
    for (const near of byCall.get(part?.call) ?? []) near.g.classList.add('near');
  });
  main.addEventListener('click', (event) => {
    const head = event.target.closest('.heads button');
    if (head) {
      head.ariaPressed = head.ariaPressed === 'true' ? 'false' : 'true';
    } else {
      const call = partAt(event.target)?.call ?? null;
      followed = call === followed ? null : call;
    }
    update();
  });
  form.addEventListener('input', update);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.elements.text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') go(event.shiftKey ? -1 : 1);
  });
  form.addEventListener('reset', () => {
    for (const head of heads) head.ariaPressed = 'false';
    followed = null;
    setTimeout(update);
  });
  const hot = main.querySelector('.hot');
  if (hot) show(hot);
})();
