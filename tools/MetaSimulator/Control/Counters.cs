using System.Collections.Concurrent;

namespace Bsp.MetaSimulator.Control;

/// <summary>What happened since the start or the last reset.</summary>
/// <param name="Attempts">Calls of <c>/messages</c> that carried a message.</param>
/// <param name="Accepted">Messages that were taken, whatever the caller was answered.</param>
/// <param name="Refused">Sends refused with a Graph error, by code.</param>
/// <param name="Hung">Accepted sends that were never answered.</param>
/// <param name="Cut">Accepted sends whose connection was cut.</param>
/// <param name="ServerErrorsAccepted">Sends answered 500 though accepted.</param>
/// <param name="UpdatesAccepted">Statuses and other changes in POSTs that were answered 200.</param>
/// <param name="UpdatesPending">Updates not yet accepted.</param>
/// <param name="UpdatesDiscarded">Updates for which there was no address.</param>
/// <param name="WebhookAnswers">POSTs by the HTTP status they were answered with.</param>
/// <param name="WebhookFaults">POSTs without an answer.</param>
public sealed record CounterValues(
    long Attempts, long Accepted, IReadOnlyDictionary<int, long> Refused, long Hung, long Cut, long ServerErrorsAccepted,
    long MarkedRead, long Early, long Duplicates, long UpdatesAccepted, long UpdatesPending, long UpdatesDiscarded,
    IReadOnlyDictionary<int, long> WebhookAnswers, long WebhookFaults, string? LastWebhookFault);

/// <summary>Counts from many threads.</summary>
internal sealed class Counters
{
    private readonly ConcurrentDictionary<int, long> _refused = new();
    private readonly ConcurrentDictionary<int, long> _webhookAnswers = new();
    private long _attempts;
    private long _accepted;
    private long _hung;
    private long _cut;
    private long _serverErrorsAccepted;
    private long _markedRead;
    private long _early;
    private long _duplicates;
    private long _updatesAccepted;
    private long _updatesDiscarded;
    private long _webhookFaults;
    private string? _lastWebhookFault;

    public void NoteAttempt() => Interlocked.Increment(ref _attempts);

    public void NoteMessage() => Interlocked.Increment(ref _accepted);

    public void NoteRefused(int code) => _refused.AddOrUpdate(code, 1, static (_, count) => count + 1);

    public void NoteHung() => Interlocked.Increment(ref _hung);

    public void NoteCut() => Interlocked.Increment(ref _cut);

    public void NoteServerErrorAccepted() => Interlocked.Increment(ref _serverErrorsAccepted);

    public void NoteMarkedRead() => Interlocked.Increment(ref _markedRead);

    public void NoteEarly() => Interlocked.Increment(ref _early);

    public void NoteDuplicate() => Interlocked.Increment(ref _duplicates);

    public void NoteAccepted(int updates) => Interlocked.Add(ref _updatesAccepted, updates);

    public void NoteDiscarded() => Interlocked.Increment(ref _updatesDiscarded);

    public void NoteWebhookAnswer(int status) => _webhookAnswers.AddOrUpdate(status, 1, static (_, count) => count + 1);

    public void NoteWebhookFault(string message)
    {
        Interlocked.Increment(ref _webhookFaults);
        Volatile.Write(ref _lastWebhookFault, message);
    }

    public CounterValues Read(long pending) => new(
        Interlocked.Read(ref _attempts), Interlocked.Read(ref _accepted), new SortedDictionary<int, long>(_refused.ToDictionary()),
        Interlocked.Read(ref _hung), Interlocked.Read(ref _cut), Interlocked.Read(ref _serverErrorsAccepted),
        Interlocked.Read(ref _markedRead), Interlocked.Read(ref _early), Interlocked.Read(ref _duplicates),
        Interlocked.Read(ref _updatesAccepted), pending, Interlocked.Read(ref _updatesDiscarded),
        new SortedDictionary<int, long>(_webhookAnswers.ToDictionary()), Interlocked.Read(ref _webhookFaults),
        Volatile.Read(ref _lastWebhookFault));

    public void Reset()
    {
        _refused.Clear();
        _webhookAnswers.Clear();
        _attempts = _accepted = _hung = _cut = _serverErrorsAccepted = _markedRead = _early = _duplicates = 0;
        _updatesAccepted = _updatesDiscarded = _webhookFaults = 0;
        _lastWebhookFault = null;
    }
}
