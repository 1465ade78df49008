namespace Bsp.Domain.Templates;

/// <summary>Meta has more statuses than the specification: each takes the nearest of its values, the true one stays beside it.</summary>
public static class TemplateStatuses
{
    /// <summary>Our own stop, which Meta knows nothing of: exact status of a template that the organization paused.</summary>
    public const string PausedHere = "PAUSED_HERE";

    /// <summary>Meta has it no more: it is a draft again, which Meta does not know.</summary>
    public const string NotAtMeta = "NOT_AT_META";

    /// <summary>DRAFT, PENDING, APPROVED, REJECTED or PAUSED; null for a word that changes nothing (unknown to this build).</summary>
    public static string? Nearest(string exact) => exact switch
    {
        "APPROVED" or "REINSTATED" or "FLAGGED" or "ACTIVE" => "APPROVED", // flagged: still sent, until Meta pauses or reinstates it
        "PENDING" or "IN_APPEAL" or "SUBMITTED" => "PENDING",
        "REJECTED" => "REJECTED",
        NotAtMeta => "DRAFT",
        "PAUSED" or "DISABLED" or "LIMIT_EXCEEDED" or "LOCKED" or "ARCHIVED" or "PENDING_DELETION" or PausedHere => "PAUSED",
        _ => null,
    };
}
