// What captions are made of. Every word of it is one that the encoders can be said to have read.

export const openings = ['', '', 'this is ', 'here is ', 'we see ', 'a picture of ', 'a drawing of ', 'an image of '];

// Styles of art: the first phrase names the style in tables and evaluations.
export const nouns = {
  portrait: ['a cartoon portrait', 'a cartoon person', 'a cartoon face', 'a person', 'a human', 'a cartoon human',
    'a portrait of a person', 'a cartoon character', 'an avatar', 'a face'],
  zombie: ['a zombie', 'a green zombie', 'a cartoon zombie', 'an undead person'],
  devil: ['a devil', 'a red devil', 'a demon', 'a cartoon devil'],
  alien: ['a blue alien', 'an alien', 'a cartoon alien', 'an avatar from space'],
  statue: ['a stone statue', 'a statue', 'a marble bust', 'a stone sculpture', 'a marble statue'],
  ghost: ['a ghost', 'a white ghost', 'a pale spirit', 'a cartoon ghost'],
  lorelei: ['a manga drawing', 'an ink portrait', 'an ink drawing of a face', 'a manga portrait'],
  notionists: ['an ink drawing', 'a line drawing', 'a monochrome comic'],
  pixelArt: ['pixel art', 'an 8 bit game character', 'a pixel art portrait'],
  openPeeps: ['an ink comic', 'a hand drawn comic character', 'a comic drawing'],
  croodles: ['a doodle', 'a child scribble', 'a crayon doodle'],
  thumbs: ['a thumb monster', 'a blob creature', 'a monster'],
  funEmoji: ['an emoji', 'an emoji face', 'a smiley'],
  adventurer: ['a comic adventurer', 'a comic character', 'an adventurer'],
  micah: ['a magazine illustration', 'an outlined illustration'],
};

// Filters: the phrase comes before `of` and a noun.
export const styles = {
  sketch: ['a pencil sketch', 'a pencil drawing', 'a sketch', 'a graphite drawing'],
  blueprint: ['a blueprint', 'a technical drawing', 'a chalk drawing on blue paper'],
  sepia: ['an old photograph', 'a sepia photograph', 'a vintage photo'],
  neon: ['a neon sign', 'glowing neon lights', 'neon lights'],
  popart: ['a pop art poster', 'a screen print', 'a poster'],
  mosaic: ['a mosaic', 'a tile mosaic', 'a mosaic of tiles'],
  watercolor: ['a watercolor', 'a watercolor painting', 'a soft painting'],
  negative: ['a photo negative', 'an x ray', 'an inverted image'],
  night: ['a night scene', 'a moonlit picture', 'a dark night picture'],
  gray: ['a black and white picture', 'a grayscale image', 'a monochrome picture'],
};

// Attributes of the portraits: what the drawing has -> phrases; the first one names the class.
export const attributes = {
  haircut: {
    long: ['with long hair'],
    middle: ['with shoulder length hair', 'with medium hair'],
    short: ['with short hair'],
  },
  fringe: {
    sideComed: ['with a side parting', 'with combed hair'],
    undercut: ['with an undercut', 'with shaved sides'],
    spiky: ['with spiky hair', 'with wild hair'],
    bun: ['with a hair bun', 'with a bun'],
  },
  hairColor: {
    '2c1b18': ['with black hair', 'with dark hair'],
    a55728: ['with auburn hair', 'with reddish hair'],
    b58143: ['with light brown hair'],
    d6b370: ['with blond hair', 'with fair hair', 'with blonde hair'],
    724133: ['with brown hair', 'with dark brown hair'],
    c8281e: ['with red hair', 'with bright red hair'],
    '3b6fd4': ['with blue hair'],
    '3f9b45': ['with green hair'],
    e879b0: ['with pink hair'],
    f2f2f0: ['with white hair'],
    a9a9ab: ['with gray hair', 'with grey hair'],
    '8a4fc8': ['with purple hair'],
    f08a24: ['with orange hair', 'with ginger hair'],
  },
  beard: {
    none: ['without a beard', 'clean shaven'],
    moustacheTwirl: ['with a moustache', 'with a twirled moustache', 'with a mustache'],
    fullBeard: ['with a beard', 'with a full beard'],
    chin: ['with a chin beard', 'with a goatee'],
    chinMoustache: ['with a goatee and a moustache', 'with a moustache and a chin beard'],
    longBeard: ['with a long beard'],
  },
  mouth: {
    laugh: ['laughing', 'with a big laugh', 'looking happy'],
    angry: ['with an angry mouth', 'looking angry', 'showing teeth'],
    agape: ['with open mouth', 'looking surprised'],
    smile: ['smiling', 'with a smile'],
    sad: ['looking sad', 'with a sad mouth'],
  },
  eyes: {
    happy: ['looking aside', 'with a sideways look'],
    wide: ['with wide eyes', 'with open eyes'],
    bow: ['with smiling eyes', 'with happy eyes'],
    humble: ['with closed eyes', 'with eyes closed', 'sleeping'],
    wink: ['winking', 'with a wink'],
  },
  skinColor: {
    f1c3a5: ['with light skin', 'with pale skin'],
    c68e7a: ['with rosy skin'],
    b98e6a: ['with tan skin', 'with tanned skin'],
    a36b4f: ['with brown skin'],
    '5c3829': ['with dark skin'],
  },
  ground: {
    dbe9f4: ['light blue'], f9dce3: ['pink'], fbf0c4: ['yellow'], d9f0d8: ['green'], e4dcf5: ['lavender'],
    dcdcdc: ['gray'], fadcbf: ['orange'], bfe6e4: ['teal'],
  },
};
