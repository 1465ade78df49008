namespace Bsp.Application.Messages;

/// <summary>
/// What a customer's message does to its conversation, by its type. The one table; source: Meta's reference, where it is silent our own
/// judgement (docs/decisions/0183).
/// </summary>
/// <param name="OpensWindow">The customer-service window of 24 hours. In a group none is opened: the sender has not written to the
/// number.</param>
/// <param name="IsMessage">It is counted, unread until somebody looks, and the conversation's last. The others change a message, or are a
/// notice, which is shown as the last and is neither counted nor unread.</param>
/// <param name="Amends">It is about another message, which it changes.</param>
public sealed record InboundKind(bool OpensWindow, bool IsMessage, bool Amends)
{
    private static readonly InboundKind Written = new(OpensWindow: true, IsMessage: true, Amends: false);
    private static readonly InboundKind Amendment = new(OpensWindow: false, IsMessage: false, Amends: true);
    private static readonly InboundKind Notice = new(OpensWindow: false, IsMessage: false, Amends: false);

    /// <summary>Of the network about the customer, in nobody's words: shown, and nothing else.</summary>
    public static bool IsNotice(string type) => ReferenceEquals(Of(type), Notice);

    /// <summary>The kind of an exact type; a type that we do not know is a message.</summary>
    public static InboundKind Of(string type) => type switch
    {
        "reaction" or "edit" or "revoke" => Amendment,
        "system" => Notice,
        _ => Written,
    };
}
