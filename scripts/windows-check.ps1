#requires -Version 5.1
<#
.SYNOPSIS
Checks poolcert on a real Windows, for what no CI of ours can run: keys in CNG, rights of
keys, files and the pipe, other users, recovery of the service.

.DESCRIPTION
Run it before a release, in an elevated Windows PowerShell 5.1, on a machine that has no
poolcert and that you may throw away: Windows Server 2019 or later, or Windows 10 or later.

It copies the programs to a folder of its own, makes two local users and a group, joins a pool,
installs the service, prints PASS or FAIL for each check, and takes all of it away again, also
when a check fails. -WhatIf says what it would do, and does nothing.

At your desk, before:

    poolcert cert add check.pfx
    poolcert pool create windows-check --cert THUMBPRINT,visibility=task,store=My,location=LocalMachine
    poolcert pool token create windows-check
    poolcert encrypt --to check.crt -o check.cms check.txt

.PARAMETER Programs
The folder with poolcert.exe and poolcert-agent.exe.

.PARAMETER Token
A join token of that pool, which refers to one certificate as above.

.PARAMETER Thumbprint
The SHA-1 thumbprint of that certificate.

.PARAMETER Message
A file sealed to that certificate.

.PARAMETER Plain
What the message holds.

.PARAMETER Desk
Waits for you to take the reference away, and to give it back, and checks what the node does.

.EXAMPLE
.\windows-check.ps1 -Programs .\bin -Token pct1.... -Thumbprint 9f86... -Message check.cms -Plain check.txt -Desk
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)] [string] $Programs,
    [Parameter(Mandatory = $true)] [string] $Token,
    [Parameter(Mandatory = $true)] [ValidatePattern('^[0-9A-Fa-f]{40}$')] [string] $Thumbprint,
    [Parameter(Mandatory = $true)] [string] $Message,
    [Parameter(Mandatory = $true)] [string] $Plain,
    [switch] $Desk
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$service = 'poolcert-agent'
$pipe = 'poolcert-agent'
$group = 'poolcert-task'
$inside = 'poolcert-chk-in'    # a user in the group
$outside = 'poolcert-chk-out'  # a user who is not
$folder = Join-Path $env:ProgramFiles 'poolcert-check'
$data = Join-Path $env:ProgramData 'poolcert'
$agent = Join-Path $folder 'poolcert-agent.exe'
$poolcert = Join-Path $folder 'poolcert.exe'
$config = Join-Path $folder 'agent.toml'
$sealed = Join-Path $folder 'check.cms'
$opened = Join-Path $folder 'opened.txt'
$trusted = @('S-1-5-18', 'S-1-5-32-544')  # the system, administrators
$everybody = @('S-1-1-0', 'S-1-5-11', 'S-1-5-32-545', 'S-1-5-7', 'S-1-5-32-546')  # everyone, users, anonymous, guests

$passed = 0
$failed = @()

# Check runs a test, which says what is wrong by throwing, or by returning $false.
function Check([string] $Name, [scriptblock] $Test) {
    try {
        $result = & $Test
        if ($result -is [bool] -and -not $result) { throw 'it is not so' }
        Write-Host "PASS  $Name"
        $script:passed++
    } catch {
        Write-Host "FAIL  $Name`n      $($_.Exception.Message)"
        $script:failed += $Name
    }
}

function Want($Got, $Wanted, [string] $What) {
    if ("$Got" -ne "$Wanted") { throw "$What is '$Got', want '$Wanted'" }
}

# Run runs a program of ours, and returns its exit code; its output is shown when that is
# not the code that was wanted.
function Run([int] $Code, [string] $Program, [string[]] $Arguments) {
    $before = $ErrorActionPreference
    $ErrorActionPreference = 'Continue'  # text on stderr is no exception
    try {
        $out = & $Program @Arguments 2>&1 | Out-String
        $exit = $LASTEXITCODE
    } finally {
        $ErrorActionPreference = $before
    }
    if ($exit -ne $Code) { throw "exit code $exit, want ${Code}: $out" }
    return $out
}

# RunAs runs a program as another user, and wants its exit code.
function RunAs([int] $Code, [pscredential] $User, [string] $Program, [string] $Arguments) {
    $p = Start-Process -FilePath $Program -ArgumentList $Arguments -Credential $User -LoadUserProfile -WorkingDirectory $folder -PassThru -WindowStyle Hidden
    $null = $p.Handle  # without it, there is no exit code
    if (-not $p.WaitForExit(30000)) {
        $p.Kill()
        throw 'it does not end within 30 s'
    }
    if ($p.ExitCode -ne $Code) { throw "exit code $($p.ExitCode), want $Code" }
}

# Eventually waits until a test neither throws nor returns $false.
function Eventually([int] $Seconds, [scriptblock] $Test) {
    $end = (Get-Date).AddSeconds($Seconds)
    while ($true) {
        try {
            $result = & $Test
            if (-not ($result -is [bool]) -or $result) { return }
            $why = 'it is not so'
        } catch {
            $why = $_.Exception.Message
        }
        if ((Get-Date) -gt $end) { throw "not within $Seconds s: $why" }
        Start-Sleep -Milliseconds 200
    }
}

function SidOf($Identity) {
    if ($Identity -is [System.Security.Principal.SecurityIdentifier]) { return $Identity.Value }
    return $Identity.Translate([System.Security.Principal.SecurityIdentifier]).Value
}

# CheckRules wants that nobody but the trusted, and those who are named, are allowed anything.
function CheckRules($Security, [string[]] $Allowed) {
    foreach ($rule in $Security.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])) {
        if ($rule.AccessControlType -ne 'Allow') { continue }
        $sid = SidOf $rule.IdentityReference
        if (($trusted + $Allowed) -notcontains $sid) { throw "$sid is allowed something" }
    }
}

function CheckPrivate([string] $Path, [string[]] $Allowed = @()) {
    $acl = Get-Acl -LiteralPath $Path
    CheckRules $acl $Allowed
    $owner = SidOf $acl.GetOwner([System.Security.Principal.SecurityIdentifier])
    if (($trusted + $serviceSid) -notcontains $owner) { throw "its owner is $owner" }
}

function ServicePid { return (Get-CimInstance Win32_Service -Filter "Name='$service'").ProcessId }

function NewPassword {
    $bytes = New-Object byte[] 24
    $rng = [System.Security.Cryptography.RandomNumberGenerator]::Create()
    $rng.GetBytes($bytes)
    $rng.Dispose()
    return 'aA1!' + [Convert]::ToBase64String($bytes)
}

function NewUser([string] $Name) {
    $secret = ConvertTo-SecureString (NewPassword) -AsPlainText -Force
    $null = New-LocalUser -Name $Name -Password $secret -Description 'made by windows-check.ps1'
    Add-LocalGroupMember -SID 'S-1-5-32-545' -Member $Name
    return New-Object pscredential("$env:COMPUTERNAME\$Name", $secret)
}

function FindCertificate { return Get-Item -LiteralPath "Cert:\LocalMachine\My\$Thumbprint" -ErrorAction SilentlyContinue }

# Before anything is changed.
if ($PSVersionTable.PSEdition -ne 'Desktop') { throw 'run this in Windows PowerShell 5.1: newer ones show no rights of pipes' }
$identity = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { throw 'run this in an elevated PowerShell' }
foreach ($file in @((Join-Path $Programs 'poolcert.exe'), (Join-Path $Programs 'poolcert-agent.exe'), $Message, $Plain)) {
    if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { throw "$file is not there" }
}
if (Get-Service $service -ErrorAction SilentlyContinue) { throw "the service $service is there already: take another machine" }
foreach ($path in @($folder, $data)) {
    if (Test-Path -LiteralPath $path) { throw "$path is there already: take another machine, or remove it" }
}
if (FindCertificate) { throw 'the certificate is in the store already: take another one' }
foreach ($name in @($inside, $outside)) {
    if (Get-LocalUser $name -ErrorAction SilentlyContinue) { throw "the user $name is there already" }
}
if (Get-LocalGroup $group -ErrorAction SilentlyContinue) { throw "the group $group is there already" }

if (-not $PSCmdlet.ShouldProcess($env:COMPUTERNAME, "make users $inside and $outside, group $group, folders $folder and $data, install and remove the service $service")) {
    Write-Host 'Nothing was done.'
    return
}

Write-Host "Windows $([Environment]::OSVersion.Version), PowerShell $($PSVersionTable.PSVersion)"
$held = $null
$container = ''
try {
    $null = New-Item -ItemType Directory -Path $folder
    Copy-Item -LiteralPath (Join-Path $Programs 'poolcert.exe'), (Join-Path $Programs 'poolcert-agent.exe') -Destination $folder
    Copy-Item -LiteralPath $Message -Destination $sealed
    Write-Host (Run 0 $agent @('version')).Trim()
    $null = New-LocalGroup -Name $group -Description 'made by windows-check.ps1'
    $insider = NewUser $inside
    $outsider = NewUser $outside
    Add-LocalGroupMember -Group $group -Member $inside
    $groupSid = (Get-LocalGroup $group).SID.Value
    $serviceSid = @()
    [System.IO.File]::WriteAllText($config, "initial_jitter = `"0s`"`r`n[owners.remoteuser]`r`ngroup = `"Administrators`"`r`n[access.remoteuser]`r`ngroups = [`"Administrators`"]`r`n")

    Write-Host "`n# Join and service"
    Check 'a configuration that users can change is refused' {
        $open = Join-Path $folder 'open.toml'
        Copy-Item $config $open
        $null = & icacls.exe $open /grant '*S-1-5-32-545:(M)'
        $null = Run 1 $agent @('--config', $open, 'check')
        Remove-Item $open
    }
    Check 'join' {
        $tokenFile = Join-Path $folder 'token'
        [System.IO.File]::WriteAllText($tokenFile, $Token)
        try { $null = Run 0 $agent @('--config', $config, 'join', '--token-file', $tokenFile) } finally { Remove-Item $tokenFile }
    }
    Check 'a program that users can replace is refused' {
        $open = Join-Path $env:SystemDrive 'poolcert-check-open'
        $null = New-Item -ItemType Directory -Path $open
        try {
            Copy-Item $agent $open
            $null = & icacls.exe $open /grant '*S-1-5-32-545:(OI)(CI)(M)'
            $null = Run 1 (Join-Path $open 'poolcert-agent.exe') @('--config', $config, 'install')
            if (Get-Service $service -ErrorAction SilentlyContinue) { throw 'the service is installed' }
        } finally {
            Remove-Item -Recurse -Force $open
        }
    }
    Check 'install' { $null = Run 0 $agent @('--config', $config, 'install') }
    $key = "HKLM:\SYSTEM\CurrentControlSet\Services\$service"
    Check 'it starts by itself, delayed' {
        $p = Get-ItemProperty $key
        Want $p.Start 2 'Start'
        Want $p.DelayedAutostart 1 'DelayedAutostart'
    }
    Check 'its path is quoted' { (Get-ItemProperty $key).ImagePath.StartsWith('"') }
    Check 'recovery: 5 s, 10 s, 1 min, a day, also without a crash' {
        $p = Get-ItemProperty $key
        $b = [byte[]] $p.FailureActions
        Want ([BitConverter]::ToInt32($b, 0)) 86400 'the reset period'
        Want ([BitConverter]::ToInt32($b, 12)) 3 'the number of actions'
        $wanted = @(5000, 10000, 60000)
        for ($i = 0; $i -lt 3; $i++) {
            Want ([BitConverter]::ToInt32($b, 20 + 8 * $i)) 1 "action $i (1: restart)"
            Want ([BitConverter]::ToInt32($b, 24 + 8 * $i)) $wanted[$i] "delay $i"
        }
        Want $p.FailureActionsOnNonCrashFailures 1 'FailureActionsOnNonCrashFailures'
    }
    Check 'it has few privileges, and a SID of its own' {
        $p = Get-ItemProperty $key
        Want (($p.RequiredPrivileges | Sort-Object) -join ' ') 'SeChangeNotifyPrivilege SeImpersonatePrivilege' 'RequiredPrivileges'
        Want $p.ServiceSidType 1 'ServiceSidType'
    }
    Check 'it hears of a shutdown early' { (Get-ItemProperty $key).PreshutdownTimeout -ge 5000 }
    Check 'its source of events is registered' { Test-Path "HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\$service" }
    Check 'start' { $null = Run 0 $agent @('--config', $config, 'start') }
    $serviceSid = @((New-Object System.Security.Principal.NTAccount('NT SERVICE', $service)).Translate([System.Security.Principal.SecurityIdentifier]).Value)
    Check 'the certificate comes' { Eventually 60 { $null -ne (FindCertificate) } }
    Check 'status' { $out = Run 0 $agent @('--config', $config, 'status'); $out -match 'installed' }
    Check 'doctor finds nothing' { $null = Run 0 $agent @('--config', $config, 'doctor') }
    Check 'the event log says that it was installed' {
        Eventually 10 { $null -ne (Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $service; Id = 100 } -MaxEvents 1 -ErrorAction SilentlyContinue) }
    }

    Check 'taken out of its store, it is there again at once' {
        Remove-Item -LiteralPath "Cert:\LocalMachine\My\$Thumbprint"
        Eventually 5 { $null -ne (FindCertificate) }
    }
    Check 'a look at the stores changes nothing there' {
        Start-Sleep -Seconds 10  # what was mended is looked at once more
        $query = "SELECT * FROM RegistryTreeChangeEvent WHERE Hive='HKEY_LOCAL_MACHINE' AND RootPath='SOFTWARE\\Microsoft\\SystemCertificates'"
        Register-WmiEvent -Namespace 'root\default' -Query $query -SourceIdentifier 'poolcert-check'
        try {
            $null = Run 0 $agent @('--config', $config, 'refresh')
            Start-Sleep -Seconds 5
            $changes = @(Get-Event -SourceIdentifier 'poolcert-check' -ErrorAction SilentlyContinue).Count
            if ($changes -gt 0) { throw "$changes changes: each look causes the next one" }
        } finally {
            Unregister-Event -SourceIdentifier 'poolcert-check'
            Remove-Event -SourceIdentifier 'poolcert-check' -ErrorAction SilentlyContinue
        }
    }

    Write-Host "`n# The key"
    Check 'it is in CNG, of the machine, and cannot be exported' {
        $cert = FindCertificate
        if (-not $cert.HasPrivateKey) { throw 'there is no private key' }
        $rsa = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($cert)
        if ($rsa -isnot [System.Security.Cryptography.RSACng]) { throw "it is $($rsa.GetType().Name)" }
        Want $rsa.Key.IsMachineKey $true 'IsMachineKey'
        Want ([int] $rsa.Key.ExportPolicy) 0 'ExportPolicy'
        $script:container = $rsa.Key.UniqueName
        $rsa.Dispose()
    }
    Check 'certutil finds it whole' {
        $out = & certutil.exe -store -v My $Thumbprint | Out-String
        if ($LASTEXITCODE -ne 0) { throw $out }
    }
    Check 'an export fails' {
        $file = Join-Path $folder 'stolen.pfx'
        try {
            $null = Export-PfxCertificate -Cert (FindCertificate) -FilePath $file -Password (ConvertTo-SecureString (NewPassword) -AsPlainText -Force)
        } catch {
            return
        } finally {
            Remove-Item $file -ErrorAction SilentlyContinue
        }
        throw 'it can be exported'
    }
    Check 'who may read its file: the system, administrators, the group' {
        if (-not $container) { throw 'it is not known where it is' }
        $file = Join-Path $env:ProgramData "Microsoft\Crypto\Keys\$container"
        if (-not (Test-Path -LiteralPath $file)) { throw "$file is not there" }
        CheckRules (Get-Acl -LiteralPath $file) (@($groupSid) + $serviceSid)
    }

    Write-Host "`n# The pipe"
    Check 'an administrator decrypts' {
        $null = Run 0 $poolcert @('decrypt', '-o', $opened, $sealed)
        Want ([Convert]::ToBase64String([System.IO.File]::ReadAllBytes($opened))) ([Convert]::ToBase64String([System.IO.File]::ReadAllBytes((Resolve-Path -LiteralPath $Plain).ProviderPath))) 'the content'
        Remove-Item $opened
    }
    Check 'a user of the group decrypts' { RunAs 0 $insider $poolcert "decrypt `"$sealed`"" }
    Check 'another user may not (exit code 4)' { RunAs 4 $outsider $poolcert "decrypt `"$sealed`"" }
    Check 'who may connect, and who may serve' {
        $client = New-Object System.IO.Pipes.NamedPipeClientStream('.', $pipe, [System.IO.Pipes.PipeDirection]::InOut, [System.IO.Pipes.PipeOptions]::None, [System.Security.Principal.TokenImpersonationLevel]::Identification)
        try {
            $client.Connect(5000)
            $create = [int] [System.IO.Pipes.PipeAccessRights]::CreateNewInstance
            foreach ($rule in $client.GetAccessControl().GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])) {
                $sid = $rule.IdentityReference.Value
                if ($rule.AccessControlType -ne 'Allow' -or ($trusted + $serviceSid) -contains $sid) { continue }
                if ($sid -ne 'S-1-5-11') { throw "$sid may connect" }
                if (([int] $rule.PipeAccessRights -band $create) -ne 0) { throw "$sid may serve on it" }
            }
        } finally {
            $client.Dispose()
        }
    }
    Check 'another user cannot serve under its name' {
        $line = "try { `$null = New-Object System.IO.Pipes.NamedPipeServerStream('$pipe', 'InOut', 10); exit 0 } catch { exit 9 }"
        $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($line))
        RunAs 9 $outsider (Join-Path $PSHOME 'powershell.exe') "-NoProfile -NonInteractive -EncodedCommand $encoded"
    }
    Check 'it cannot be reached as that of another machine' {
        $client = New-Object System.IO.Pipes.NamedPipeClientStream($env:COMPUTERNAME, $pipe, [System.IO.Pipes.PipeDirection]::InOut)
        try { $client.Connect(3000) } catch { return } finally { $client.Dispose() }
        throw 'it can'
    }
    Check 'certs says what there is' { $null = Run 0 $poolcert @('certs') }

    Write-Host "`n# Files"
    Check 'the state folder is for the agent and administrators' {
        CheckPrivate (Join-Path $data 'state')
        foreach ($file in Get-ChildItem -LiteralPath (Join-Path $data 'state') -File) { CheckPrivate $file.FullName }
    }
    Check 'another user cannot look into it' { RunAs 1 $outsider (Join-Path $env:SystemRoot 'System32\cmd.exe') "/c dir `"$data\state`"" }
    Check 'the log is for the agent and administrators' { if (Test-Path "$data\log") { CheckPrivate "$data\log" } }

    Write-Host "`n# exec"
    Check 'variable and exit code' { $null = Run 7 $poolcert @('exec', '--env', "X=@$sealed", '--', 'cmd.exe', '/c', 'if defined X exit 7') }
    Check 'a file that only its user can read, and that goes' {
        $out = Run 0 $poolcert @('exec', '--file', "$sealed=X", '--', 'powershell.exe', '-NoProfile', '-Command', '(Get-Acl $env:X).Sddl; $env:X')
        foreach ($sid in $everybody) { if ($out -match [regex]::Escape($sid)) { throw "$sid in $out" } }
        if ($out -match ';;;(WD|AU|BU|AN|BG)\)') { throw $out }
        $path = ($out.Trim() -split "`r?`n")[-1]
        if (Test-Path -LiteralPath $path) { throw "$path is there" }
        if (Test-Path -LiteralPath (Split-Path $path)) { throw "the folder of $path is there" }
    }
    Check 'killed: the command ends, too' {
        $script:held = Start-Process -FilePath $poolcert -ArgumentList "exec --file `"$sealed=X`" -- ping.exe -n 600 127.0.0.1" -PassThru -WindowStyle Hidden
        Eventually 20 { $null -ne (Get-CimInstance Win32_Process -Filter "ParentProcessId=$($held.Id) and Name='ping.exe'") }
        $child = (Get-CimInstance Win32_Process -Filter "ParentProcessId=$($held.Id) and Name='ping.exe'").ProcessId
        Stop-Process -Id $held.Id -Force
        Eventually 10 { $null -eq (Get-Process -Id $child -ErrorAction SilentlyContinue) }
        $null = Run 0 $poolcert @('exec', '--file', "$sealed=X", '--', 'cmd.exe', '/c', 'exit 0')
        if (Get-ChildItem $env:TEMP -Filter 'poolcert-exec-*') { throw 'a folder of a killed exec stays' }
    }

    Write-Host "`n# Life of the service"
    Check 'killed: it comes back, and serves' {
        $before = ServicePid
        Stop-Process -Id $before -Force
        Eventually 30 { $now = ServicePid; $now -ne 0 -and $now -ne $before }
        Eventually 30 { $null = Run 0 $poolcert @('decrypt', '-o', $opened, $sealed) }
        Remove-Item $opened -ErrorAction SilentlyContinue
    }
    Check 'it stops within 5 s' {
        $took = Measure-Command { Stop-Service $service }
        if ($took.TotalSeconds -gt 5) { throw "it took $($took.TotalSeconds) s" }
    }
    Check 'stopped, it stays stopped' { Start-Sleep -Seconds 8; (Get-Service $service).Status -eq 'Stopped' }
    Check 'stopped, the certificate stays' { $null -ne (FindCertificate) }
    Check 'it starts again' { Start-Service $service; Eventually 30 { $null = Run 0 $poolcert @('decrypt', '-o', $opened, $sealed) }; Remove-Item $opened -ErrorAction SilentlyContinue }

    if ($Desk) {
        Write-Host "`n# The reference"
        $null = Read-Host 'At your desk, run: poolcert pool set-certs windows-check --none   Then press Enter here'
        Check 'the certificate goes, with its key' {
            Eventually 30 { $null -eq (FindCertificate) }
            if ($container -and (Test-Path (Join-Path $env:ProgramData "Microsoft\Crypto\Keys\$container"))) { throw 'the key is still there' }
        }
        Check 'nothing decrypts any more (exit code 3)' { $null = Run 3 $poolcert @('decrypt', '-o', $opened, $sealed) }
        $null = Read-Host "At your desk, run: poolcert pool set-certs windows-check --cert $Thumbprint,visibility=task,store=My,location=LocalMachine   Then press Enter here"
        Check 'it comes again' { Eventually 30 { $null -ne (FindCertificate) } }
    }

    Write-Host "`n# The end"
    Check 'uninstall' { $null = Run 0 $agent @('--config', $config, 'uninstall') }
    Check 'no service, no source of events' {
        Eventually 10 { $null -eq (Get-Service $service -ErrorAction SilentlyContinue) }
        if (Test-Path "HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\$service") { throw 'the source is there' }
    }
    Check 'leave' { $null = Run 0 $agent @('--config', $config, 'leave') }
    Check 'no certificate and no key' {
        if (FindCertificate) { throw 'the certificate is there' }
        if ($container -and (Test-Path (Join-Path $env:ProgramData "Microsoft\Crypto\Keys\$container"))) { throw 'the key is there' }
    }
} finally {
    $ErrorActionPreference = 'Continue'
    if ($held -and -not $held.HasExited) { Stop-Process -Id $held.Id -Force -ErrorAction SilentlyContinue }
    if (Get-Service $service -ErrorAction SilentlyContinue) {
        Stop-Service $service -Force -ErrorAction SilentlyContinue
        $null = & $agent --config $config uninstall 2>&1
        $null = & $agent --config $config leave --force 2>&1
        if (Get-Service $service -ErrorAction SilentlyContinue) { $null = & sc.exe delete $service }
    }
    $cert = FindCertificate
    if ($cert) { Remove-Item -LiteralPath $cert.PSPath -DeleteKey -ErrorAction SilentlyContinue }
    foreach ($name in @($inside, $outside)) {
        $user = Get-LocalUser $name -ErrorAction SilentlyContinue
        if (-not $user) { continue }
        Get-CimInstance Win32_UserProfile -Filter "SID='$($user.SID.Value)'" | Remove-CimInstance -ErrorAction SilentlyContinue
        Remove-LocalUser $name -ErrorAction SilentlyContinue
    }
    if (Get-LocalGroup $group -ErrorAction SilentlyContinue) { Remove-LocalGroup $group }
    foreach ($path in @($folder, $data)) {
        if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Recurse -Force }
    }
}

Write-Host "`n$passed passed, $($failed.Count) failed"
foreach ($name in $failed) { Write-Host "  $name" }
Write-Host @'

By hand, since a script can't:
  - Reboot with the service installed: it starts (delayed, some 2 minutes after the system), also with
    the network cable out, and then decrypts what it did before.
  - Sleep and resume: 'poolcert-agent status' shows a new contact within seconds.
  - Ctrl-C in a console: of 'poolcert-agent run', and of 'poolcert exec -- ping -t 127.0.0.1', where it
    ends the ping, and then poolcert.
  - From another machine: \\THIS\pipe\poolcert-agent is refused, as an administrator, too.
  - A node of a domain: names of the domain in [access.task] and [owners.task].
  - The event log and services.msc look right.
'@
if ($failed.Count -gt 0) { exit 1 }
