package agent

const hasStores = true

func defaultInstall() []Install { return []Install{InstallStores} }
