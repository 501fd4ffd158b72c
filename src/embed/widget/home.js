// The service's base address: an origin, and a path if it is mounted under one. All scripts stand below it, by a name that stays or
// among the assets.

export const HOME = /(.+)\/embed\//.exec(import.meta.url)[1];
