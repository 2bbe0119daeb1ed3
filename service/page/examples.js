/** Texts to begin with: our own, and a few in the public domain. */

const MARDEN = "Marden is a harbour town on the north coast. It was founded in 1642 by fishermen from the island of Orla, who built the first pier out of oak. For two centuries the town lived from herring. When the herring left in 1871, a teacher named Clara Voss started a school for boat builders, and soon yachts from Marden won races all over the world. Today about 14,000 people live there, and the old pier is a museum.";

export const SCORE = [
  { title: "Markets", params: { text: "Stocks fell sharply on Friday as traders sold shares of big banks." } },
  {
    title: "Two endings",
    params: { text: "The company said its profit rose 12% in the third quarter.\nThe company said its profit rose like a balloon over the sea." },
  },
  { title: "An odd word", params: { text: "Mr. Smith was named president and chief penguin of the bank." } },
  { title: "Word order", params: { text: "The board approved the plan yesterday.\nYesterday plan the approved board the." } },
  { title: "Jane Austen", params: { text: "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife." } },
  {
    title: "A short report",
    params: {
      text: "The maker of auto parts said it will close two plants in Ohio.\nThe plants employ about 900 workers.\nA spokesman said the company expects to save $40 million a year.",
      carry: "1",
    },
  },
];

export const ANSWER = [
  {
    title: "A harbour town",
    params: {
      context: MARDEN,
      question: "Who started a school for boat builders?",
    },
  },
  {
    title: "When was it founded?",
    params: {
      context: MARDEN,
      question: "When was the town founded?",
    },
  },
  {
    title: "How tea is made",
    params: {
      context: "Black, green and white tea all come from the leaves of one plant. For green tea the leaves are heated soon after they are picked, which keeps them green. For black tea they are rolled and left to lie in moist air, where they turn brown. White tea is made from young buds that are only dried. Water for green tea should be cooler, about 75 degrees, because boiling water makes it bitter.",
      question: "Why should the water be cooler for green tea?",
    },
  },
  {
    title: "Darwin’s voyage",
    params: {
      context: "After having been twice driven back by heavy southwestern gales, Her Majesty's ship Beagle, a ten-gun brig, under the command of Captain Fitz Roy, R. N., sailed from Devonport on the 27th of December, 1831. The object of the expedition was to complete the survey of Patagonia and Tierra del Fuego, commenced under Captain King in 1826 to 1830, to survey the shores of Chile, Peru, and of some islands in the Pacific, and to carry a chain of chronometrical measurements round the World.",
      question: "Who commanded the Beagle?",
    },
  },
];

export const CLASSIFY = [
  { title: "Praise", params: { text: "A warm and funny film, beautifully acted from the first scene to the last." } },
  { title: "A complaint", params: { text: "Two hours of my life that I will never get back." } },
  { title: "Both", params: { text: "The pictures are lovely.\nThe story makes no sense at all." } },
];
