using System.Diagnostics;

namespace Bsp.LocalStores.Common;

/// <summary>
/// A server that runs as our child: started on a free port, stopped, and started again on the same port with the same data.
/// </summary>
internal abstract class LocalServer(string name) : IAsyncDisposable
{
    // Between asking the system for a free port and the server's listening on it another process may take it.
    private const int PortAttempts = 3;
    private static readonly string[] PortTakenSigns = ["Address already in use", "in use", "code: 210"];

    private Child? _child;

    public string Name => name;

    public int Port { get; private set; }

    /// <summary>What a client is given to reach it.</summary>
    public abstract string ConnectionString { get; }

    /// <summary>Completes when it ends; the text says so and shows its last log lines.</summary>
    public async Task<string> EndedAsync(CancellationToken ct)
    {
        var child = _child ?? throw new InvalidOperationException($"{name} was not started.");
        var code = await child.Exited.WaitAsync(ct);
        return $"{name} ended with exit code {code}; its log ends:\n{child.LogTail()}";
    }

    protected virtual TimeSpan StartPatience => TimeSpan.FromSeconds(30);

    /// <summary>The program as it is to be started now, on <see cref="Port"/>.</summary>
    protected abstract ChildProgram Program();

    protected abstract Task<bool> AnswersAsync(CancellationToken ct);

    /// <summary>What kept it from starting goes away by itself: it is tried again for <see cref="StartPatience"/>.</summary>
    protected virtual bool Passes(Obstacle obstacle) => false;

    /// <summary>Work that needs the server to answer and belongs to every start.</summary>
    protected virtual Task AfterStartAsync(CancellationToken ct) => Task.CompletedTask;

    /// <exception cref="Obstacle">it does not start; the message says why and shows its last log lines</exception>
    public async Task StartAsync(CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            Port = FreePort.Next();
            try
            {
                await StartOnPortAsync(ct);
                return;
            }
            catch (Obstacle e) when (attempt < PortAttempts && PortTakenSigns.Any(e.Message.Contains))
            {
                // The next round asks for another port.
            }
        }
    }

    /// <summary>Starts it where its clients are told to look, and nowhere else.</summary>
    public Task StartOnAsync(int port, CancellationToken ct)
    {
        Port = port;
        return StartOnPortAsync(ct);
    }

    /// <summary>Starts what <see cref="StopAsync"/> stopped, where clients expect it.</summary>
    public Task StartAgainAsync(CancellationToken ct) => StartOnPortAsync(ct);

    public async Task StopAsync()
    {
        if (_child is not null)
        {
            await _child.DisposeAsync();
        }
    }

    public ValueTask DisposeAsync() => new(StopAsync());

    private async Task StartOnPortAsync(CancellationToken ct)
    {
        for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(100, ct))
        {
            try
            {
                await StartOnceAsync(ct);
                return;
            }
            catch (Obstacle e) when (Passes(e) && Stopwatch.GetElapsedTime(began) < StartPatience)
            {
                // The next round finds it gone.
            }
        }
    }

    private async Task StartOnceAsync(CancellationToken ct)
    {
        _child = Child.Start(Program());
        try
        {
            await _child.ReadyAsync(AnswersAsync, StartPatience, ct);
            await AfterStartAsync(ct);
        }
        catch
        {
            await _child.DisposeAsync();
            throw;
        }
    }
}
