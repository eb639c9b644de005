// How the search ranks what it finds: an object whose whole name was asked for comes first; the rest as Sphinx has it.
var Scorer = {
  score: (result) => {
    const asked = (new URLSearchParams(window.location.search).get("q") || "").trim().toLowerCase();
    return result[1].toLowerCase() === asked ? result[4] + 1000 : result[4];
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
