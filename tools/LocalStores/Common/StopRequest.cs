using System.Runtime.InteropServices;

namespace Bsp.LocalStores.Common;

/// <summary>Ctrl-C, SIGTERM, or the terminal's end: a request to stop in order, instead of the end of this process.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private readonly PosixSignalRegistration[] _signals;

    public StopRequest() =>
        _signals = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT }.Select(s =>
            PosixSignalRegistration.Create(s, Ask))];

    public CancellationToken Token => _asked.Token;

    public async Task WaitAsync()
    {
        var asked = new TaskCompletionSource();
        await using (Token.Register(asked.SetResult))
        {
            await asked.Task;
        }
    }

    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        _asked.Dispose();
    }

    private void Ask(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _asked.Cancel();
    }
}
