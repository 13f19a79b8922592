package agent

// localGroup is before the name of a group of this machine: the same name in a domain is
// somebody else's to fill.
const localGroup = `.\`
