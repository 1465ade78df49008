namespace Bsp.Application.Templates;

/// <summary>Which variant of a template speaks to somebody whose own language it may not have.</summary>
public static class TemplateLanguages
{
    private static readonly string[] Last = ["en", "en_US"];

    /// <summary>The language itself, without its region, English: <c>ar_EG</c>, <c>ar</c>, <c>en</c>, <c>en_US</c>. Each once.</summary>
    public static IReadOnlyList<string> Order(string code) =>
        [.. new[] { code, code.Split('_', '-')[0] }.Concat(Last).Where(c => c.Length > 0).Distinct()];
}
