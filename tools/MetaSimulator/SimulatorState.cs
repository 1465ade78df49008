using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Control;
using Bsp.MetaSimulator.Media;
using Bsp.MetaSimulator.Messages;
using Bsp.MetaSimulator.Templates;
using Bsp.MetaSimulator.Webhooks;

namespace Bsp.MetaSimulator;

/// <summary>All that the simulator knows, for tests in the same process; the control API says the same over HTTP.</summary>
public sealed class SimulatorState : IAsyncDisposable
{
    private readonly StateFile? _file;
    private volatile SimulatorOptions _options;

    internal SimulatorState(SimulatorOptions options)
    {
        _options = options;
        Media = new(Ids);
        Inbound = new(Ids);
        Webhooks = new(() => _options, Accounts, Counters, Inbound);
        Review = new(this);
        _file = options.StateFile is { } path ? StateFile.Open(path, Accounts) : null;
        foreach (var pending in Accounts.Wabas.SelectMany(w => w.Templates.All).Where(t => t.Status == "PENDING"))
        {
            Review.Submit(pending);
        }

        foreach (var seed in options.Accounts)
        {
            Accounts.Add(seed);
        }
    }

    /// <summary>Models of OpenAI's and Anthropic's kind, under <c>/ai</c>.</summary>
    public Models.ModelAnswers Models { get; } = new();

    /// <summary>The behaviour in force. Replaced whole: <c>state.Options = state.Options with { LatencyMs = 50 }</c>.</summary>
    public SimulatorOptions Options
    {
        get => _options;
        set => _options = value;
    }

    /// <summary>While true no webhook goes out and all are kept.</summary>
    public bool WebhooksPaused
    {
        get => Webhooks.Paused;
        set => Webhooks.Paused = value;
    }

    internal AccountRegistry Accounts { get; } = new();

    internal Ids Ids { get; } = new();

    internal Counters Counters { get; } = new();

    internal ReceivedMessages Received { get; } = new();

    internal MediaStore Media { get; }

    internal InboundWriter Inbound { get; }

    internal WebhookQueue Webhooks { get; }

    internal TemplateReview Review { get; }

    /// <summary>Counts since the start or the last reset.</summary>
    public CounterValues ReadCounters() => Counters.Read(Webhooks.Unaccepted);

    /// <summary>The last 10,000 sends, oldest first, refused ones included.</summary>
    public IReadOnlyList<ReceivedMessage> Messages() => Received.Page(0, ReceivedMessages.KeptMax, static _ => true);

    internal SignupCodes SignupCodes { get; } = new();

    /// <summary>
    /// What Embedded Signup hands to the business's browser: a code, good once, for which a token is given that may act for the WABA.
    /// </summary>
    public string NewSignupCode(string wabaId) => SignupCodes.New(wabaId);

    /// <summary>A number as Meta sees it: its PIN (six digits; null: none), whether it is registered, on the business app too.</summary>
    public void ChangeNumber(string phoneNumberId, string? pin, bool registered, bool onBusinessApp = false) =>
        (Accounts.FindPhone(phoneNumberId) ?? throw new ArgumentException("There is no such number."))
        .Change(pin, registered, onBusinessApp);

    /// <summary>How often a number was to be registered.</summary>
    public int RegisterCalls(string phoneNumberId) => Accounts.FindPhone(phoneNumberId)?.RegisterCalls ?? 0;

    /// <summary>What goes wrong with files next.</summary>
    public MediaFaults MediaFaults { get; } = new();

    /// <summary>A file as if a customer had sent it; its id.</summary>
    public string AddMedia(string mimeType, byte[] bytes) => Media.Add(mimeType, bytes, null).Id;

    /// <summary>Files uploaded by businesses since the start, also those that are gone.</summary>
    public int MediaUploads => Media.Uploads;

    /// <summary>Loses a file before its time; false: there is none.</summary>
    public bool LoseMedia(string id) => Media.Remove(id);

    /// <summary>How often a recipient (digits, or a business-scoped user id) was tried and accepted.</summary>
    public (int Tried, int Accepted) CountOfRecipient(string recipient) => Received.Recipients.Of(recipient);

    /// <summary>How often a <c>biz_opaque_callback_data</c> was tried and accepted.</summary>
    public (int Tried, int Accepted) CountOfCallback(string callbackData) => Received.Callbacks.Of(callbackData);

    /// <summary>Recipients and callback ids that were accepted more than once.</summary>
    public Duplicates Duplicates() => Received.Duplicates();

    /// <summary>Unique users that each portfolio reached outside the window, and the most in any window of this length.</summary>
    public IReadOnlyList<ReachedUsers> Reached(TimeSpan window) => Received.Reach.Reached(window);

    /// <summary>Makes a number and its WABA exist and belong together.</summary>
    /// <exception cref="ArgumentException">Not digits, or one of the ids is known as something else.</exception>
    public void AddAccount(AccountSeed seed) => Accounts.Add(seed);

    /// <summary>Ends when every webhook has been accepted by its receiver, or discarded for want of an address.</summary>
    public Task WhenWebhooksAccepted(CancellationToken ct) => Webhooks.WhenIdle(ct);

    /// <summary>Forgets messages, counts, media and pending webhooks; accounts, templates and options stay.</summary>
    public void Reset()
    {
        Webhooks.Clear();
        Received.Reset();
        Counters.Reset();
        Media.Clear();
        foreach (var phone in Accounts.Phones)
        {
            phone.Reset();
        }
    }

    /// <summary>Stops the webhooks; those not yet accepted are lost.</summary>
    public async ValueTask DisposeAsync()
    {
        await Review.DisposeAsync();
        await Webhooks.DisposeAsync();
        _file?.Dispose();
    }

    /// <summary>Runs the call if its token is good.</summary>
    internal Task Authorized(HttpContext http, Func<string, Task> call) =>
        Bearer.Check(Bearer.Of(http), Options) is { } fault ? GraphAnswer.Error(http, fault) : Slowly(http, () => call(Bearer.Of(http)!));

    /// <summary>Runs the call on the number that the route's id names.</summary>
    internal Task AsPhone(HttpContext http, Func<PhoneNumber, Task> call) => Authorized(http, token =>
        Accounts.Phone(RouteId(http), token, Options.Strict) is { } phone && Accounts.Admits(phone, token) ? call(phone)
        : GraphAnswer.Error(http, NoObject(http)));

    /// <summary>Runs the call on the WABA that the route's id names.</summary>
    internal Task AsWaba(HttpContext http, Func<Waba, Task> call) => Authorized(http, token =>
        Accounts.Waba(RouteId(http), token, Options.Strict) is { } waba && waba.Admits(token) ? call(waba)
        : GraphAnswer.Error(http, NoObject(http)));

    /// <summary>The template that the route's id names, if the token may act for it.</summary>
    internal Template? TemplateOf(HttpContext http, string token) =>
        Accounts.FindTemplate(RouteId(http)) is { } template && Accounts.Admits(template, token) ? template : null;

    internal static string RouteId(HttpContext http) => (string)http.Request.RouteValues["id"]!;

    internal static GraphError NoObject(HttpContext http) => GraphError.NoObject(http.Request.Method.ToLowerInvariant(), RouteId(http));

    private async Task Slowly(HttpContext http, Func<Task> call)
    {
        if (Options.LatencyMs > 0)
        {
            await Task.Delay(Options.LatencyMs, http.RequestAborted);
        }

        await call();
    }
}
