namespace Bsp.Application.Media;

/// <summary>Where files are read over HTTP.</summary>
public static class MediaPaths
{
    /// <summary>The bytes of a file.</summary>
    public static string Content(Guid id) => $"/v1/media/{id}/content";
}
