using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

/// <summary>What the HTTP answer to a send is.</summary>
internal enum Answer
{
    Accept,
    Refuse,

    /// <summary>Accepted; the answer never comes.</summary>
    AcceptAndHang,

    /// <summary>HTTP 500 and nothing was sent; the caller cannot know.</summary>
    ErrorNotAccepted,

    /// <summary>HTTP 500, and the message is sent all the same.</summary>
    ErrorAccepted,

    /// <summary>Accepted; the connection is cut.</summary>
    AcceptAndReset,

    /// <summary>Accepted, kept back by template pacing.</summary>
    Hold,

    /// <summary>Accepted; the first webhooks come before the answer.</summary>
    AcceptEarly,

    /// <summary>Accepted; the answer's JSON breaks off.</summary>
    AcceptGarbled,
}

/// <summary>What a recipient's number makes happen.</summary>
/// <param name="Refusal">The answer of <see cref="Answer.Refuse"/>.</param>
/// <param name="RefuseTimes">Refused so often, then accepted once, and again; 0 refuses always.</param>
internal sealed record Fate(Answer Answer, Script Script, GraphError? Refusal = null, int RefuseTimes = 0)
{
    public static readonly Fate Normal = new(Answer.Accept, Script.Normal);
}

/// <summary>Fates by the recipient's last four digits, as a payment provider has test cards. The table stands in README.md.</summary>
internal static class MagicNumbers
{
    private static readonly Dictionary<string, Fate> ByEnding = new()
    {
        ["0001"] = new(Answer.Accept, Script.Fails(GraphError.Undeliverable)),
        ["0002"] = new(Answer.Refuse, Script.Normal, GraphError.Throughput, RefuseTimes: 2),
        ["0003"] = new(Answer.AcceptAndHang, Script.Normal),
        ["0004"] = new(Answer.Accept, Script.NeverRead),
        ["0005"] = new(Answer.Accept, new([StepKind.Sent, StepKind.Delivered, StepKind.Read, StepKind.Reply], Reply: "STOP")),
        ["0006"] = new(Answer.Refuse, Script.Silent, GraphError.Undeliverable),
        ["0007"] = new(Answer.Accept, Script.Fails(GraphError.Marketing)),
        ["0008"] = new(Answer.Accept, Script.Fails(GraphError.OptedOut)),
        ["0009"] = new(Answer.ErrorNotAccepted, Script.Silent),
        ["0010"] = new(Answer.ErrorAccepted, Script.Normal),
        ["0011"] = new(Answer.Hold, Script.Normal),
        ["0012"] = new(Answer.Accept, new([StepKind.Delivered, StepKind.Sent, StepKind.Read])),
        ["0013"] = new(Answer.Accept, Script.Normal with { Times = 3 }),
        ["0014"] = new(Answer.Accept, Script.Silent),
        ["0015"] = new(Answer.Accept,
            new([StepKind.Sent, StepKind.Delivered, StepKind.Read, StepKind.Reply], Reply: "Grüße! Is this still on? 👍")),
        ["0016"] = new(Answer.Refuse, Script.Normal, GraphError.Pair, RefuseTimes: 1),
        ["0017"] = new(Answer.AcceptAndReset, Script.Normal),
        ["0018"] = new(Answer.Accept, new([StepKind.Sent, StepKind.Read])),
        ["0019"] = new(Answer.Accept, new([StepKind.Sent, StepKind.Failed], GraphError.Undeliverable)),
        ["0020"] = new(Answer.Accept, Script.Fails(GraphError.WindowClosed)),
        ["0021"] = new(Answer.Refuse, Script.Silent, GraphError.Unavailable),
        ["0022"] = new(Answer.Hold, Script.Fails(GraphError.Paced)),
        ["0023"] = new(Answer.AcceptEarly, Script.Normal),
        ["0024"] = new(Answer.AcceptGarbled, Script.Normal),
        ["0025"] = new(Answer.Accept, new([StepKind.Sent, StepKind.Delivered, StepKind.Read, StepKind.MarketingStop])),
    };

    public static Fate Of(string recipient) =>
        recipient.Length >= 4 && ByEnding.TryGetValue(recipient[^4..], out var fate) ? fate : Fate.Normal;
}
