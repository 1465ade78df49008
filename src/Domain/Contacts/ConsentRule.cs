namespace Bsp.Domain.Contacts;

/// <summary>Who may be written to first: one rule for single messages, campaigns and their forecasts.</summary>
public static class ConsentRule
{
    /// <summary>
    /// Whether a template may go to a contact. Within a conversation that the contact began no template is needed, and no consent asked.
    /// </summary>
    /// <param name="consent"><c>OPTED_IN</c>, <c>PENDING</c> or <c>OPTED_OUT</c>.</param>
    /// <param name="category">The template's: marketing needs an opt-in; whoever opted out gets none.</param>
    public static bool Allows(string consent, string category) => consent switch
    {
        "OPTED_OUT" => false,
        "PENDING" => category != "MARKETING",
        _ => true,
    };
}
