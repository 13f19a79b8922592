package account

// Alive returns when each of the locks that all requests need could be had. It
// hangs if they can't: so a watchdog finds out. It asks nobody else.
func (s *Service) Alive() {
	s.accounts.get("")
	s.nodes.get([32]byte{})
	s.hub.get(hubKey{})
}
