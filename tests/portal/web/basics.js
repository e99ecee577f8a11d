// What a page must have for a screen reader and a keyboard: the offenders against each rule.
() => {
  const named = (e) => (e.getAttribute('aria-label') || e.textContent || e.title || '').trim()
    || (e.labels && e.labels.length) || e.getAttribute('aria-labelledby');
  const shown = (e) => e.getClientRects().length > 0;
  const lines = (e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
  };
  const word = (e) => !e.children.length && /^\S{1,12}$/.test(e.textContent.trim());
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  const headings = [...document.querySelectorAll('h1,h2,h3')].map((e) => +e.tagName[1]);
  return {
    unnamed: [...document.querySelectorAll('a,button,select,input:not([type=hidden])')]
      .filter((e) => shown(e) && !named(e)).map((e) => e.outerHTML),
    doubled: ids.filter((id, i) => ids.indexOf(id) !== i),
    unreferenced: [...document.querySelectorAll('[aria-labelledby],[aria-describedby]')]
      .flatMap((e) => [e.getAttribute('aria-labelledby'), e.getAttribute('aria-describedby')])
      .filter((id) => id && !document.getElementById(id)),
    headings: headings.filter((level, i) => i ? level > headings[i - 1] + 1 : level !== 1),
    landmarks: ['header', 'main'].filter((tag) => document.querySelectorAll(`body > ${tag}`).length !== 1),
    images: [...document.querySelectorAll('svg:not([aria-hidden=true])')].map((e) => e.outerHTML),
    broken: [...document.querySelectorAll('button,.secondary,.primary')]
      .filter((e) => shown(e) && word(e) && lines(e) > 1).map((e) => e.outerHTML),
    wide: document.documentElement.scrollWidth > innerWidth ? [document.documentElement.scrollWidth] : [],
  };
}
