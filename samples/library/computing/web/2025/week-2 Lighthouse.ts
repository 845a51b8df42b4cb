// A lighthouse is known by its rhythm: this one flashes twice, then rests.
type Flash = { lit: boolean; seconds: number };

const rhythm: Flash[] = [
  { lit: true, seconds: 1 },
  { lit: false, seconds: 1 },
  { lit: true, seconds: 1 },
  { lit: false, seconds: 7 },
];

const period = rhythm.reduce((sum, flash) => sum + flash.seconds, 0);
console.log(`The light repeats every ${period} seconds.`);
