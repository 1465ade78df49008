namespace Bsp.Application.Common;

/// <summary>Signs cursors, so that nobody makes one up or takes it to another list.</summary>
public interface ICursors
{
    /// <summary>A token that only <see cref="Open"/> with the same scope accepts. The content can be read by its holder.</summary>
    /// <param name="scope">Whose list it is: organization and route.</param>
    string Sign(string scope, string cursor);

    /// <summary>The cursor, or null when the token was not signed here for this scope.</summary>
    string? Open(string scope, string token);
}
