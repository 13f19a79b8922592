package doctor

// What a person can do about findings, on this system.
const (
	asAgent      = "run this as an administrator"
	takeBack     = "with icacls, give it to the administrators (/setowner *S-1-5-32-544), and let nobody else change it"
	closeState   = "with icacls, give it to the administrators (/setowner *S-1-5-32-544), and let nobody else in; or set another state_dir"
	findAgent    = `find it with 'tasklist /fi "imagename eq poolcert-agent.exe"'`
	seeLog       = `its log tells more: log\agent.log in %ProgramData%\poolcert; 'poolcert-agent restart' starts it anew`
	keepMemory   = "have the page file encrypted: 'fsutil behavior set EncryptPagingFile 1', then boot"
	keepTime     = "set it, and have it kept by the Windows Time service: 'w32tm /resync'"
	seeNames     = `see 'ipconfig /all' and %SystemRoot%\System32\drivers\etc\hosts`
	makeGroup    = "net localgroup %s /add"
	makeRunnable = "name a program"
)

const (
	rootName = "administrators"
	hasModes = false // files have modes
)
